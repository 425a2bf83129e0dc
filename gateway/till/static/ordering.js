/** What is short here is ordered from another store: the form that asks where it goes, and back. */

import { at } from "./elements.js";
import { ordering } from "./order.js";
import { askPrice, keepBasket, setBasket } from "./pricing.js";
import { can, enter, render } from "./showing.js";
import { till } from "./state.js";

/** The line that is short here becomes an order; the rest of the basket waits. */
export function orderIt() {
  const offer = till.notice?.offer ?? null;
  if (offer === null || !can("order")) return;
  till.notice = null;
  setBasket(ordering(till.basket, offer));
  toOrder();
}

/** The form of the open order, as it was filled in so far. */
export function toOrder() {
  const { way, name, phone, address } = till.basket.order;
  at("ordering").elements.way.value = way;
  at("order-name").value = name;
  at("order-phone").value = phone;
  at("order-address").value = address;
  enter("order");
}

/** Nothing is ordered: the line is in its basket again. */
export function leaveOrder() {
  const { whole } = till.basket.order;
  enter("back");
  setBasket(whole);
}

/** Something was typed or chosen in the form. */
export function orderTyped() {
  const order = {
    ...till.basket.order,
    way: at("ordering").elements.way.value,
    name: at("order-name").value.trim(),
    phone: at("order-phone").value.trim(),
    address: at("order-address").value.trim(),
  };
  const moved = order.way !== till.basket.order.way;
  keepBasket({ ...till.basket, order, agreed_minor: moved ? null : till.basket.agreed_minor });
  if (moved) askPrice(); // who collects has the prices of that store
  render();
}
