/** The receipt of what was booked: shown, and printed once more. */

import { Refused, Unanswered, newKey } from "./asking.js";
import { render, tell, tellProblem } from "./showing.js";
import { till } from "./state.js";

const pathOf = (done) => `/v1/sales/${encodeURIComponent(done.booked.id)}`;

/** Shows the receipt beside what was booked; where it is not to be had, that is what stands there. */
export async function showReceipt(done) {
  let receipt = null;
  try {
    receipt = await till.gateway.get(`${pathOf(done)}/receipt`);
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  }
  done.receipt = receipt;
  render();
}

/** Asked for again without an answer, it is the same paper: one key until it is printed. */
export async function print() {
  const { done } = till;
  done.printKey ??= newKey("till");
  try {
    await till.gateway.post(`${pathOf(done)}/print`, "{}", done.printKey);
    done.printKey = null;
    tell({ key: "printing" }, [], "good");
  } catch (error) {
    tellProblem(error);
  }
}
