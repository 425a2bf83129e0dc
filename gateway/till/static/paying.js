/** Money for the basket: what it is taken in, how much is given, another total than was asked for. */

import { at } from "./elements.js";
import { readGiven } from "./pricing.js";
import { can, enter, render } from "./showing.js";
import { till } from "./state.js";

/** Asks for the money, in cash or by card. */
export async function pay(tender) {
  await till.adding; // a scan just before the key belongs to this sale
  if (!can("pay") || till.basket.lines.length === 0) return;
  if (till.state === "ordering" && !at("ordering").reportValidity()) return;
  at("given").value = "";
  Object.assign(till, { tender, notice: null, otherTotal: null });
  readGiven();
  enter("pay");
}

export function amountTyped() {
  readGiven();
  render();
}

/** The gateway's own total is asked for instead. */
export function agree() {
  till.basket = { ...till.basket, agreed_minor: till.otherTotal.total_minor };
  pay(till.tender);
}
