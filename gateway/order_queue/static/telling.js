/**
 * One event of an order, or the money for it, to its answer (`settling.js`): what is kept of it, and
 * how it is sent.
 */

import { newKey } from "./asking.js";
import { settled, shelfOf } from "./settling.js";

const shelf = shelfOf("countertop.order.");

/** What is said of an order: an event, as the gateway takes it. */
export function eventOf(body) {
  return { to: "events", type: body.type, body };
}

/** The whole amount that is due, taken at a register in cash or by card. */
export function paymentOf({ due_minor }, register, tender) {
  const tenders = [{ type: tender, amount_minor: due_minor }];
  return { to: "payments", type: "paid", body: { register, tenders, expected_total_minor: due_minor } };
}

/** It on its way: what is sent under its key, and whose key that is. */
export function newTelling({ id, number }, { to, type, body }, signedIn, nowMs) {
  const { id: token, writer } = signedIn;
  const path = `/v1/orders/${encodeURIComponent(id)}/${to}`;
  return {
    key: newKey("team"), order: id, number, type, path, body: JSON.stringify(body), token, writer, begun_ms: nowMs,
  };
}

/** Throws where the browser keeps nothing; then the event must not be sent. */
export function keep(telling) {
  shelf.keep(telling.key, telling);
}

export function forget(telling) {
  shelf.forget(telling.key);
}

/** The events that wait for their answer, oldest first. */
export function kept() {
  return shelf.kept();
}

/** Asks until there is an answer; throws as `settled` does. */
export function settle(gateway, telling, unanswered, pause) {
  const ask = () => gateway.post(telling.path, telling.body, telling.key);
  return settled(gateway, telling, ask, { unanswered, pause });
}
