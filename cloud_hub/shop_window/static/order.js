/**
 * An order is placed once, whatever becomes of the line or the page.
 *
 * It is written down with its key before the first try and forgotten after its answer; a reload
 * goes on asking. The hub places a key once and repeats that answer.
 */

import { Refused, Unanswered, newKey } from "./asking.js";

const PLACE = "countertop.shop.placing";
const PAUSE_MS = 2_000;
const TWINS_MAX = 5; // a request of ours that still runs is no answer; one that never ends is

/** What says nothing about the order: too many at once, or the program broke in the middle. */
const UNDECIDED = new Set(["rate-limited", "internal"]);

/** The order of this tab that waits for its answer, or null. */
export function waiting() {
  return JSON.parse(sessionStorage.getItem(PLACE));
}

/** Writes an order down. Throws where the browser keeps nothing; then it must not be sent. */
export function begun(body) {
  const placing = { key: newKey("shop"), body: JSON.stringify(body) };
  sessionStorage.setItem(PLACE, JSON.stringify(placing));
  return placing;
}

/**
 * Asks until it is known what became of the order.
 *
 * @param {(tries: number) => void} unanswered  hears of each try that brought nothing
 * @throws {Refused} there is no such order
 */
export async function placed(asker, { key, body }, unanswered) {
  for (let tries = 1; ; tries += 1) {
    try {
      const order = await asker.post("/v1/orders", body, key);
      sessionStorage.removeItem(PLACE);
      return order;
    } catch (error) {
      if (!isUndecided(error, tries)) {
        sessionStorage.removeItem(PLACE);
        throw error;
      }
    }
    unanswered(tries);
    await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
  }
}

function isUndecided(error, tries) {
  if (error instanceof Unanswered) return true;
  if (!(error instanceof Refused)) return false;
  const isTwin = error.slug === "conflict" && tries > 1 && error.problem.order === undefined;
  return UNDECIDED.has(error.slug) || (isTwin && tries <= TWINS_MAX);
}
