/**
 * One request to its answer: never lost, never doubled.
 *
 * A request is written down with its key before its first try and forgotten after its answer, so a
 * reload, a crash or a flat battery in between only asks again. It is asked again of this program
 * with the same key and the same bytes; the program does a key once and repeats that answer.
 *
 * Keys belong to one token at one program's journal. Under another token the same key would be a
 * second request: such a one is shown and not sent.
 *
 * Each request has a place of its own in the store, so that two windows never write over each other.
 */

import { Refused, Unanswered } from "./asking.js";

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 5_000;

/** Not an answer: too many at once, or the program broke in the middle. */
const UNDECIDED = new Set(["rate-limited", "internal"]);

/** Whose key it was is in question: it may be done, and only that token can tell. */
const DOOR = new Set(["unauthenticated", "forbidden"]);

/** The request cannot be asked about with this token at this program. */
export class NotOurs extends Error {}

/** Whether a request with its `token` (the token's id) and `writer` may be sent by who is signed in. */
export function isOurs(request, signedIn) {
  return request.token === signedIn.id && request.writer === signedIn.writer;
}

/** Requests of one kind in the browser's store; each has `begun_ms`, and a key of its own. */
export function shelfOf(place) {
  return {
    /** Throws where the browser keeps nothing; then the request must not be sent. */
    keep: (key, request) => localStorage.setItem(place + key, JSON.stringify(request)),
    forget: (key) => localStorage.removeItem(place + key),
    /** All that wait for their answer, oldest first. */
    kept() {
      const places = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at));
      return places
        .filter((one) => one.startsWith(place))
        .map((one) => JSON.parse(localStorage.getItem(one)))
        .sort((one, other) => one.begun_ms - other.begun_ms);
    },
  };
}

/**
 * Asks until there is an answer.
 *
 * @param {object} gateway  `askerFor` the token that the request belongs to
 * @param {object} request  as kept
 * @param {() => Promise<object>} ask  sends it once, with its key
 * @param {(tries: number) => void} unanswered  hears of each try that brought nothing
 * @param {(ms: number) => Promise<void>} pause waits, or less when somebody is impatient
 * @returns {Promise<object>} what `ask` brought
 * @throws {Refused} nothing was done under this key
 * @throws {NotOurs} another token or another program's journal
 */
export async function settled(gateway, request, ask, unanswered, pause) {
  for (let tries = 1; ; tries += 1) {
    try {
      if (tries > 1) await checkOurs(gateway, request);
      return await ask();
    } catch (error) {
      if (error instanceof Refused && DOOR.has(error.slug)) throw new NotOurs(error.slug);
      if (!isUndecided(error)) throw error;
      unanswered(tries);
      const pauseMs = Math.min(PAUSE_MS_MIN * 2 ** (tries - 1), PAUSE_MS_MAX);
      await pause(Math.max(pauseMs, error.retryAfterMs ?? 0));
    }
  }
}

/** A conflict is an answer, but for one that asks to come back: a twin of the request still runs. */
function isUndecided(error) {
  if (error instanceof Unanswered) return true;
  if (!(error instanceof Refused)) return false;
  return UNDECIDED.has(error.slug) || (error.slug === "conflict" && error.retryAfterMs > 0);
}

/** The program behind this address may have been replaced while it did not answer. */
async function checkOurs(gateway, request) {
  if (!isOurs(request, await gateway.get("/v1/token"))) throw new NotOurs("replaced");
}
