/**
 * One sale to its answer (`settling.js`): what is kept of it, and how it is sent.
 *
 * A basket that was changed after a refusal is sent under its old key: a try that had been given up
 * may have arrived after all.
 */

import { Refused } from "./asking.js";
import { NotOurs, settled, shelfOf } from "./settling.js";

const shelf = shelfOf("countertop.sale.");

/** A sale on its way: the basket, what is and was sent under its key, and whose key that is. */
export function newSale(basket, body, signedIn, nowMs) {
  const { id, writer, register } = signedIn;
  const bodies = [...basket.tried.filter((one) => one !== body), body];
  return { basket, bodies, token: id, writer, register, begun_ms: nowMs };
}

/** The total that the customer was asked for. */
export function expectedMinor(sale) {
  return JSON.parse(sale.bodies.at(-1)).expected_total_minor;
}

/** Throws where the browser keeps nothing; then the sale must not be sent. */
export function keep(sale) {
  shelf.keep(sale.basket.key, sale);
}

export function forget(sale) {
  shelf.forget(sale.basket.key);
}

/** The sales of a register that wait for their answer, oldest first. */
export function kept(register) {
  return shelf.kept().filter((sale) => sale.register === register);
}

/**
 * Asks until there is an answer.
 *
 * @returns {Promise<{booked: object, asFirstSent: boolean}>} the sale as booked, and whether it is
 *   one that an earlier body asked for; throws as `settled` does
 */
export function settle(gateway, sale, unanswered, pause) {
  const needsHub = Boolean(sale.basket.order);
  return settled(gateway, sale, () => settleOnce(gateway, sale), { unanswered, pause, needsHub });
}

async function settleOnce(gateway, sale) {
  const path = sale.basket.order ? "/v1/orders" : "/v1/sales";
  const post = (body) => gateway.post(path, body, sale.basket.key);
  try {
    return { booked: await post(sale.bodies.at(-1)), asFirstSent: false };
  } catch (error) {
    const used = error instanceof Refused && error.problem.field === "Idempotency-Key";
    if (!used) throw error;
  }
  // A try that had been given up arrived after all: the gateway has this key with an older body.
  for (const body of sale.bodies.slice(0, -1)) {
    try {
      return { booked: await post(body), asFirstSent: true };
    } catch (error) {
      if (!(error instanceof Refused && error.problem.field === "Idempotency-Key")) throw error;
    }
  }
  throw new NotOurs("token");
}
