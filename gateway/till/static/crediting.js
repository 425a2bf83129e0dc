/** Store credits that a customer shows, by their code: taken for this basket where they can pay. */

import { withCredit, withoutCredit } from "./basket.js";
import { creditWords } from "./credit.js";
import { at } from "./elements.js";
import { latinDigits } from "./numbers.js";
import { setBasket } from "./pricing.js";
import { openBasket } from "./ringing.js";
import { focus } from "./screen.js";
import { notify, tell, tellProblem } from "./showing.js";
import { till } from "./state.js";

/** The code of a credit note was scanned, perhaps when the customer was asked for money. */
export async function showCredit(code) {
  if (till.basket.order !== null) {
    tell({ key: "creditNoOrder" });
    return;
  }
  if (till.state === "paying" || till.state === "asking") openBasket();
  if (till.state === "ringing") await takeCredit(code);
  else tell({ key: "creditLater" });
}

export async function creditTyped() {
  const typed = latinDigits(at("credit-code").value.trim());
  if (typed !== "" && till.state === "ringing") await takeCredit(typed);
}

/** Takes a store credit for this basket, or says why it does not pay. */
async function takeCredit(typed) {
  if (till.basket.lines.length === 0) {
    tell({ key: "creditLater" });
    return;
  }
  let credit;
  try {
    credit = await till.gateway.get(`/v1/credits/${encodeURIComponent(typed)}`);
  } catch (error) {
    tellProblem(error);
    return;
  }
  if (till.state !== "ringing") return;
  const { code, currency, balance_minor } = credit;
  if (currency !== till.currency || balance_minor === 0) {
    tellPaysNothing(credit);
    return;
  }
  at("credit-code").value = "";
  till.notice = null;
  setBasket(withCredit(till.basket, { code, left_minor: balance_minor }));
  focus(till);
}

/** The gateway knows it; it has nothing left, or none of this money. */
function tellPaysNothing({ code, currency, balance_minor }) {
  const reason = currency === till.currency ? "left" : "currency";
  const problem = { credit: code, currency, reason, left_minor: balance_minor };
  notify(() => creditWords(problem, { numbers: till.numbers, nowMs: Date.now() }), "bad");
}

export function dropCredit(code) {
  if (till.state !== "ringing") return;
  till.notice = null;
  setBasket(withoutCredit(till.basket, code));
  focus(till);
}

export function toCredit() {
  if (till.state === "ringing") at("credit-code").focus();
}
