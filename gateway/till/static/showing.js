/**
 * Whatever was done is shown: the way to the next state, what must be read, and the page painted
 * anew. Every act of the till ends here.
 */

import { Refused, Unanswered } from "./asking.js";
import { offerFrom } from "./order.js";
import { problemWords } from "./problems.js";
import { focus, paint } from "./screen.js";
import { TRANSITIONS, shop, till } from "./state.js";

let basketActs = {};

/**
 * Says what the basket's own buttons do. They are made with each painting; what they do ends in a
 * painting itself, so it is handed in once, by `till.js`.
 */
export function showWith(acts) {
  basketActs = acts;
}

export function render() {
  paint(till, basketActs);
}

export function can(trigger) {
  return TRANSITIONS[till.state][trigger] !== undefined;
}

export function enter(trigger) {
  if (!can(trigger)) throw new Error(`${trigger} while ${till.state}`);
  till.state = TRANSITIONS[till.state][trigger];
  till.clearing = false;
  render();
  focus(till);
}

/** Shows words that are found anew for each painting: the language may change meanwhile. */
export function notify(words, tone, offer = null) {
  till.notice = { words, tone, offer };
  till.clearing = false;
  render();
}

/** Shows messages that stay as they are. */
export function tell(title, sentences = [], tone = "warn") {
  notify(() => ({ title, sentences }), tone);
}

/** Why something was not done, in the cashier's words; what is no answer of the gateway is thrown on. */
export function tellProblem(error) {
  if (error instanceof Unanswered) {
    tell({ key: "noAnswer" }, [{ key: "noAnswerDo" }]);
    return;
  }
  if (!(error instanceof Refused)) throw error;
  const productName = (sku) => {
    const line = till.basket.lines.find((one) => one.sku === sku);
    return line === undefined ? sku : till.nameOf(line);
  };
  const about = { here: shop.location, productName, nowMs: Date.now() };
  const offer = error.slug === "quota-short"
    ? offerFrom(error.problem, till.basket, shop.location) : null;
  notify(() => problemWords(error, { ...about, numbers: till.numbers }), "bad", offer);
}
