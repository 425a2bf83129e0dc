/**
 * One sale to its answer: never lost, never doubled.
 *
 * A sale is written down with its key before its first try and forgotten after its answer, so a
 * reload, a crash or a flat battery in between only asks again. It is asked again at this gateway
 * with the same key and the same bytes; the gateway books a key once and repeats that answer.
 *
 * Keys belong to one token at one gateway's journal. Under another token the same key would be a
 * second sale: such a sale is shown and not sent.
 *
 * Each sale has a place of its own in the store, so that two windows never write over each other.
 */

import { Refused, Unanswered } from "./asking.js";

const PLACE = "countertop.sale.";
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 5_000;

/**
 * Not an answer: a twin still runs, too many at once, or the program broke in the middle. A conflict
 * that names a field is one: what is in it cannot be sold.
 */
const UNDECIDED = new Set(["conflict", "rate-limited", "internal"]);

/** Whose key it was is in question: the sale may be booked, and only that token can tell. */
const DOOR = new Set(["unauthenticated", "forbidden"]);

/** The sale cannot be asked about with this token at this gateway. */
export class NotOurs extends Error {}

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

export function isOurs(sale, signedIn) {
  return sale.token === signedIn.id && sale.writer === signedIn.writer;
}

/** Throws where the browser keeps nothing; then the sale must not be sent. */
export function keep(sale) {
  localStorage.setItem(PLACE + sale.basket.key, JSON.stringify(sale));
}

export function forget(sale) {
  localStorage.removeItem(PLACE + sale.basket.key);
}

/** The sales of a register that wait for their answer, oldest first. */
export function kept(register) {
  const places = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at));
  return places
    .filter((place) => place.startsWith(PLACE))
    .map((place) => JSON.parse(localStorage.getItem(place)))
    .filter((sale) => sale.register === register)
    .sort((one, other) => one.begun_ms - other.begun_ms);
}

/**
 * Asks until there is an answer.
 *
 * @param {object} gateway  `askerFor` the token that the sale belongs to
 * @param {object} sale     as kept
 * @param {(tries: number) => void} unanswered  hears of each try that brought nothing
 * @param {(ms: number) => Promise<void>} pause waits, or less when somebody is impatient
 * @returns {Promise<{booked: object, asFirstSent: boolean}>} the sale as booked, and whether it is
 *   one that an earlier body asked for
 * @throws {Refused} nothing was booked under this key
 * @throws {NotOurs} another token or another gateway's journal
 */
export async function settle(gateway, sale, unanswered, pause) {
  for (let tries = 1; ; tries += 1) {
    try {
      if (tries > 1) await checkOurs(gateway, sale);
      return await settleOnce(gateway, sale);
    } catch (error) {
      if (error instanceof Refused && DOOR.has(error.slug)) throw new NotOurs(error.slug);
      if (!isUndecided(error)) throw error;
      unanswered(tries);
      const pauseMs = Math.min(PAUSE_MS_MIN * 2 ** (tries - 1), PAUSE_MS_MAX);
      await pause(Math.max(pauseMs, error.retryAfterMs ?? 0));
    }
  }
}

function isUndecided(error) {
  if (error instanceof Unanswered) return true;
  return error instanceof Refused && UNDECIDED.has(error.slug) && error.problem.field === undefined;
}

/** The gateway behind this address may have been replaced while it did not answer. */
async function checkOurs(gateway, sale) {
  if (!isOurs(sale, await gateway.get("/v1/token"))) throw new NotOurs("replaced");
}

async function settleOnce(gateway, sale) {
  const post = (body) => gateway.post("/v1/sales", body, sale.basket.key);
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
  throw new NotOurs("unknown body");
}
