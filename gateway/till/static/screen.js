/**
 * The screen: what a till looks like. Reads `till` (`state.js`), changes nothing in it.
 *
 * Every text that comes from elsewhere is isolated, so that neither a name nor a SKU nor a number
 * reorders what stands around it in a language that is read the other way.
 */

import { at } from "./elements.js";
import { handingSentences } from "./handed.js";
import { paintAmounts, paintLines } from "./lines.js";
import { expectedMinor } from "./sale.js";
import { paintNotice } from "./speech.js";

const touched = matchMedia("(pointer: coarse)").matches;

/** What is of no use without a line in the basket. */
const NEED_LINES = ["cash", "card", "new", "coupon", "redeem-it", "credit-code", "credit-it"];

/** While a basket is put together and paid for, what it costs is said in full. */
const OPEN = new Set(["ringing", "ordering", "paying"]);

/** Between two sales; who has looked at receipts does not do it while a customer pays. */
const OF_HANDING = new Set(["ringing", "done"]);

/** Shows the till. `act` has what the lines' and coupons' own buttons do. */
export function paint(till, act) {
  document.body.dataset.state = till.state;
  for (const part of document.querySelectorAll("[data-in]")) {
    part.hidden = !part.dataset.in.split(" ").includes(till.state);
  }
  paintNotice(till.notice, till.speaker);
  paintOffer(till);
  paintStray(till);
  paintHanding(till);
  paintWho(till);
  if (till.signedIn === null) return;
  paintLines(till, act);
  paintSums(till);
  for (const id of NEED_LINES) at(id).disabled = till.basket.lines.length === 0;
  at("void").disabled = till.basket.selected < 0;
  PANELS[till.state]?.(till);
}

/** Shows what the basket costs, and nothing else. */
export function paintPrices(till) {
  paintAmounts(till);
  paintSums(till);
  PANELS[till.state]?.(till);
}

/** Puts the keys where they are wanted; on a touch screen that would only open its keyboard. */
export function focus(till) {
  const { state, tender } = till;
  const wanted = {
    signingIn: "token",
    ringing: "code",
    ordering: "order-name",
    paying: tender === "card" || isCovered(till) ? "book" : "given",
    waiting: "waiting",
    asking: "agree",
    done: "code",
  }[state];
  if (!touched || state === "paying") at(wanted).focus();
}

/** The gateway's line: live, lost, or (before anybody signed in) waiting. */
export function paintContact({ speaker }, contact) {
  at("contact").dataset.live = contact;
  if (contact === "waiting") at("contact").textContent = "";
  else speaker.say(at("contact"), { key: contact });
}

// The parts of the page

function paintWho({ signedIn, speaker }) {
  if (signedIn === null) {
    at("who").textContent = "";
    return;
  }
  const { name, register } = signedIn;
  speaker.say(at("who"), { key: "cashier", values: { name: name || register, register } });
}

/** What is short here and stands elsewhere can be ordered from there. */
function paintOffer({ notice, state, speaker }) {
  const offer = notice?.offer ?? null;
  at("offer").hidden = offer === null || state !== "ringing";
  if (offer === null) return;
  speaker.say(at("order-it-words"), { key: "orderFrom", values: { place: offer.place.name } });
}

/** A sale that waits for its answer and cannot be asked about from here. */
function paintStray({ strays, state, speaker, numbers }) {
  const [stray] = strays;
  at("stray").hidden = stray === undefined || state !== "ringing";
  if (stray === undefined) return;
  const values = {
    time: numbers.time(new Date(stray.begun_ms).toISOString(), Date.now()),
    total: numbers.money(expectedMinor(stray), stray.basket.lines[0].currency),
  };
  speaker.say(at("stray-title"), { key: "notOurs", values });
  speaker.say(at("stray-do"), { key: stray.why === "earlier" ? "notOursEarlier" : "notOursDo" });
}

/** What became of sales that the box before this one had booked. */
function paintHanding({ handing, state, speaker, numbers }) {
  const sentences = handingSentences(handing, numbers);
  at("handing").hidden = sentences.length === 0 || !OF_HANDING.has(state);
  at("handing").dataset.tone = handing.refused === null && handing.waiting === 0 ? "good" : "warn";
  const words = document.createElement("div");
  words.append(...sentences.map((message) => {
    const line = document.createElement("p");
    speaker.say(line, message);
    return line;
  }));
  // What says the same stays: it is read out when it comes.
  const before = at("handing-words");
  if (words.innerHTML !== before.innerHTML) before.replaceChildren(...words.childNodes);
  const isAsked = handing.isWord && (handing.waiting > 0 || handing.refused !== null);
  at("hand-in").hidden = !isAsked;
  at("set-kept-aside").hidden = !isAsked || handing.waiting > 0;
}

function paintSums(till) {
  const { numbers, currency, total_minor } = till;
  const booked = till.state === "done" ? till.done.booked : null;
  const total = booked?.total_minor ?? total_minor;
  const shown = currency !== undefined && total !== null;
  at("total").textContent = shown ? numbers.money(total, currency) : "";
  const byCard = booked !== null && booked.tenders.some(({ type }) => type === "card");
  const change = booked?.change_minor ?? (till.state === "paying" ? changeNow(till) : null);
  at("change-row").hidden = change === null || byCard;
  at("change").textContent = change === null ? "" : numbers.money(change, currency);
  at("card-row").hidden = !byCard;
  paintCredited(till, booked);
  paintTaxes(till);
  paintOwnSum(till);
}

/** What store credits pay or have paid, and what is due besides. */
function paintCredited({ numbers, currency, credited }, booked) {
  const byCredit = booked?.tenders.filter(({ type }) => type === "store_credit") ?? [];
  const paid = booked === null ? credited.paid_minor
    : byCredit.reduce((sum, { amount_minor }) => sum + amount_minor, 0);
  at("credit-row").hidden = at("due-row").hidden = paid === 0;
  if (paid === 0) return;
  const due = booked === null ? credited.due_minor : booked.total_minor - paid;
  at("credited").textContent = numbers.money(-paid, currency);
  at("due").textContent = numbers.money(due, currency);
}

const isCovered = ({ credited }) => credited.paid_minor > 0 && credited.due_minor === 0;

/** What of the total is tax, rate by rate; goods without any stand apart, as on the receipt. */
function paintTaxes({ speaker, numbers, state, basket, priced, currency }) {
  const open = OPEN.has(state) && basket.lines.length > 0;
  const taxes = open && basket.agreed_minor === null ? priced.taxes : [];
  at("taxes").replaceChildren(...taxes.map(({ tax_rate, tax_minor, total_minor }) => {
    const row = document.createElement("div");
    const [what, amount] = [document.createElement("dt"), document.createElement("dd")];
    const untaxed = { 0: "taxZero", exempt: "taxExempt" }[tax_rate];
    const values = { rate: numbers.percent(tax_rate) };
    speaker.say(what, untaxed === undefined ? { key: "taxAt", values } : { key: untaxed });
    amount.textContent = numbers.money(untaxed === undefined ? tax_minor : total_minor, currency);
    row.append(what, amount);
    return row;
  }));
}

/** A sum without the gateway is said, quietly: mostly it is the right one. */
function paintOwnSum({ speaker, state, basket, priced, pricing }) {
  const open = OPEN.has(state) && basket.lines.length > 0;
  const own = open && priced.by === "till" && basket.agreed_minor === null;
  if (own) speaker.say(at("own-sum"), { key: pricing ? "sumAsked" : "sumAlone" });
  else at("own-sum").textContent = "";
}

function changeNow({ tender, given, credited }) {
  const { minor } = given;
  return tender === "cash" && minor !== undefined ? minor - credited.due_minor : null;
}

const PANELS = {
  ordering({ speaker, basket: { order } }) {
    const values = { place: order.place.name };
    speaker.say(at("ordering-title"), { key: "orderingFrom", values });
    speaker.say(at("pickup-words"), { key: "wayPickup", values });
    const ships = order.way === "ship";
    at("address-row").hidden = !ships;
    at("order-address").required = ships;
  },

  paying(till) {
    const { speaker, numbers, tender, given, credited, currency } = till;
    const covered = isCovered(till);
    at("pay-cash").hidden = covered || tender === "card";
    at("pay-card").hidden = !at("pay-cash").hidden;
    const total = numbers.money(credited.due_minor, currency);
    speaker.say(at("pay-card"), { key: covered ? "creditCovers" : "cardAsk", values: { total } });
    if (given.problem === undefined) at("given-problem").textContent = "";
    else speaker.say(at("given-problem"), given.problem);
  },

  waiting({ speaker, numbers, tries, said }) {
    speaker.say(at("waiting-words"), { key: tries === 0 ? "booking" : "unanswered" });
    at("unanswered").hidden = tries === 0;
    at("said").hidden = said === null;
    if (said !== null) speaker.say(at("said"), { key: "said", values: { detail: said } });
    const units = numbers.count(tries);
    speaker.say(at("tries"), { key: "tries", count: tries, values: { units } });
  },

  asking({ speaker, numbers, otherTotal, currency }) {
    const total = numbers.money(otherTotal.total_minor, currency);
    const expected = numbers.money(otherTotal.expected_total_minor, currency);
    speaker.say(at("asking-title"), { key: "priceChanged", values: { total, expected } });
    speaker.say(at("agree"), { key: "takeTotal", values: { total } });
  },

  done({ speaker, done, signedIn }) {
    const { number } = done.booked;
    speaker.say(at("done-title"), { key: done.order === null ? "booked" : "ordered" });
    speaker.say(at("receipt-number"), { key: "receipt", values: { number } });
    at("receipt").hidden = done.order !== null;
    paintOrdered(done.order, speaker);
    if (done.receipt === null) speaker.say(at("receipt"), { key: "receiptMissing" });
    else at("receipt").textContent = done.receipt;
    at("done-note").hidden = !done.asFirstSent;
    at("print").hidden = !signedIn.prints || done.order !== null;
  },
};

/** What the customer has to know of an order. */
function paintOrdered(order, speaker) {
  at("done-order").hidden = order === null;
  if (order === null) return;
  const { number, pickup_code: code, place } = order;
  const where = code === null ? { key: "orderComes" } : { key: "orderWaits", values: { place, code } };
  const told = [{ key: "orderNumber", values: { number } }, where].map((message) => {
    const line = document.createElement("p");
    speaker.say(line, message);
    return line;
  });
  at("done-order").replaceChildren(...told);
}
