/**
 * A basket that is paid for becomes a sale: written down (`sale.js`), sent until it is known what
 * became of it, and then shown as booked, refused, or left to somebody else.
 */

import { Refused, newKey } from "./asking.js";
import { EMPTY, asSold } from "./basket.js";
import { afterOrder, orderBody } from "./order.js";
import { toOrder } from "./ordering.js";
import { setBasket } from "./pricing.js";
import { showReceipt } from "./printing.js";
import { openBasket } from "./ringing.js";
import { expectedMinor, forget, keep, newSale, settle } from "./sale.js";
import { focus } from "./screen.js";
import { NotOurs } from "./settling.js";
import { can, enter, render, tell, tellProblem } from "./showing.js";
import { till } from "./state.js";
import * as tab from "./tab.js";

/** Writes the sale down and sends it; where it cannot be written down it is not sent. */
export function book() {
  if (!can("send") || till.given.minor === undefined) return;
  const body = JSON.stringify(bodyOf(till));
  till.basket = { ...till.basket, key: till.basket.key ?? newKey("till") };
  const asked = { ...till.signedIn, writer: till.gateway.writer ?? till.signedIn.writer };
  const sale = newSale(till.basket, body, asked, Date.now());
  try {
    tab.keepBasket(till.basket);
    keep(sale);
  } catch {
    openBasket();
    tell({ key: "noStore" }, [{ key: "noStoreDo" }], "bad");
    return;
  }
  send(sale);
}

/** What the gateway is asked to book: the basket, and the money for it. */
function bodyOf({ basket, given, tender, total_minor, credited, signedIn: { register } }) {
  const tenders = [
    ...credited.tenders,
    ...(given.minor === 0 ? [] : [{ type: tender, amount_minor: given.minor }]),
  ];
  if (basket.order !== null) return orderBody(basket, register, tenders, total_minor);
  return {
    register, lines: asSold(basket), coupons: basket.coupons, tenders,
    expected_total_minor: total_minor,
  };
}

/** Asks until it is known what became of the sale. */
export async function send(sale) {
  Object.assign(till, { tries: 0, said: null, sent_minor: expectedMinor(sale) });
  enter("send");
  try {
    const settled = await settle(till.gateway, sale, unanswered, pause);
    await booked(sale, settled);
  } catch (error) {
    if (error instanceof NotOurs) strand({ ...sale, why: error.why });
    else refuse(sale, error);
  }
}

function unanswered(tries, error) {
  Object.assign(till, { tries, said: error instanceof Refused ? error.problem.detail : null });
  render();
}

function pause(ms) {
  return new Promise((resolve) => {
    till.hurry = resolve;
    setTimeout(resolve, ms);
  });
}

async function booked(sale, { booked: record, asFirstSent }) {
  const { order } = sale.basket;
  till.done = { booked: record, order: null, asFirstSent, receipt: "", printKey: null };
  if (order) {
    till.done.booked = record.payment;
    till.done.order = { ...record.order, place: order.place.name };
  }
  till.notice = null;
  setBasket(order ? afterOrder(sale.basket) : EMPTY);
  if (!order) till.keeper.keep(sale.basket.key, record);
  forget(sale); // only now: a crash before this asks once more, and is told the same
  enter("booked");
  till.keeper.look();
  if (order) return; // what the customer has to know is on the paper and on the screen
  await showReceipt(till.done);
}

/** The sale stays written down and is not sent; nobody may ring it up a second time. */
function strand(sale) {
  till.strays = [...till.strays.filter((one) => one.basket.key !== sale.basket.key), sale];
  setBasket(sale.basket.order ? afterOrder(sale.basket) : EMPTY);
  enter("refused");
}

/** Nothing was booked: the basket is open again, under the key that it was sent with. */
function refuse(sale, error) {
  if (!(error instanceof Refused)) throw error;
  const again = { ...sale.basket, tried: sale.bodies };
  if (error.slug === "price-changed") {
    till.otherTotal = error.problem;
    setBasket({ ...again, agreed_minor: null });
    forget(sale);
    enter("otherTotal");
    return;
  }
  setBasket(again);
  forget(sale);
  enter("refused");
  if (again.order) toOrder();
  if (again.order && error.slug === "unavailable") {
    tell({ key: "orderUnheard" }, [{ key: "orderUnheardDo" }], "bad");
  } else {
    tellProblem(error);
  }
}

/** Somebody has looked after the first of the sales that cannot be asked about from here. */
export function setAside() {
  const [first, ...others] = till.strays;
  forget(first);
  till.strays = others;
  render();
  focus(till);
}
