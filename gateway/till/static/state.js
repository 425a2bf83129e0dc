/**
 * The till's state, all of it: what it may do next, everything that is on the screen, and what it works
 * with. What outlives the page is elsewhere: `tab.js`, `sale.js`, `kept.js`.
 */

import { EMPTY } from "./basket.js";
import { paidByCredits } from "./credit.js";
import { NOTHING } from "./handed.js";
import { localeOf } from "./speech.js";

/** What is not in this table cannot happen: no second sale while one waits for its answer. */
export const TRANSITIONS = {
  signingIn: { signedIn: "ringing" },
  ringing: { pay: "paying", send: "waiting", signOut: "signingIn", order: "ordering" },
  ordering: { pay: "paying", back: "ringing" },
  paying: { pay: "paying", back: "ringing", send: "waiting" },
  waiting: { booked: "done", refused: "ringing", otherTotal: "asking" },
  asking: { back: "ringing", pay: "paying" },
  done: { back: "ringing", signOut: "signingIn" },
};

/** The shop, its clock and its currencies' decimals, as the page was served. */
export const shop = JSON.parse(document.documentElement.dataset.shop);

/** Everything that is on the screen and what can be read off it; then what is behind the screen. */
export const till = {
  state: "signingIn",
  language: null,
  speaker: null,
  numbers: null,
  signedIn: null, // {id, writer, role, name, register, prints}
  basket: EMPTY,
  priced: null, // the basket's price (`quote.js`); null until somebody has signed in
  pricing: false, // the gateway is being asked for it
  sent_minor: null, // the total of the sale that waits for its answer
  tender: "cash",
  given: {}, // what the amount field says: {minor} to take, or {problem} in words
  otherTotal: null, // the problem of a changed price
  done: null, // {booked, order, asFirstSent, receipt, printKey}; order: null of a sale
  tries: 0, // that brought no answer
  said: null, // what the gateway said to the last of them, if anything
  strays: [], // sales that wait for an answer and are not ours to ask about, each with `why`
  handing: NOTHING, // what there is to say of sales that the hub may not have yet
  notice: null, // {words: () => {title, sentences}, tone, offer}; offer: from another store
  clearing: false, // the next press of "new basket" clears this one

  gateway: null, // asks with the token of who is signed in (`asking.js`)
  quote: null, // asks what a basket costs (`quote.js`)
  keeper: null, // looks after sales that the hub may not have yet (`handing.js`)
  live: null, // hears of news (`live.js`)
  adding: Promise.resolve(), // done when all codes scanned so far are in the basket
  hurry() {}, // ends the pause before the next try of a sale that waits for its answer

  get total_minor() {
    if (this.state === "waiting") return this.sent_minor;
    return this.basket.agreed_minor ?? this.priced?.total_minor ?? null;
  },
  /** What store credits pay of the total, and what is left to pay (`credit.js`). */
  get credited() {
    return paidByCredits(this.basket.credits, this.total_minor ?? 0);
  },
  get currency() {
    return this.basket.lines[0]?.currency ?? this.done?.booked.currency;
  },
  nameOf({ name, translations }) {
    const locale = localeOf(this.language, navigator.languages);
    return (translations[locale] ?? translations[this.language])?.name ?? name;
  },
};
