/**
 * One request to its answer: never lost, never doubled.
 *
 * A request is written down with its key before its first try and forgotten after its answer, so a
 * reload, a crash or a flat battery in between only asks again. It is asked again of this program
 * with the same key and the same bytes; the program does a key once and repeats that answer. A box
 * that has taken the place of the one that was asked repeats its answers too, and does what nobody
 * heard of: it is asked on.
 *
 * Keys belong to one token at one location. Under another token the same key would be a second
 * request, and an old image of the box that was asked does not know what that one has done: such a
 * request is shown and not sent.
 *
 * Each request has a place of its own in the store, so that two windows never write over each other.
 */

import { Refused, Unanswered } from "./asking.js";
import { lifeOf } from "./witness.js";

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 5_000;

/** Not an answer: too many at once, or the program broke in the middle. */
const UNDECIDED = new Set(["rate-limited", "internal"]);

/** Whose key it was is in question: it may be done, and only that token can tell. */
const DOOR = new Set(["unauthenticated", "forbidden"]);

/** The request cannot be asked about with this token at this program; `why` as `whyNotOurs` says. */
export class NotOurs extends Error {
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/**
 * Why a request with its `token` (the token's id) and `writer` is not sent by who is signed in:
 * "token"; "elsewhere" at another store; "earlier" at a box that one with a higher incarnation has
 * replaced, or an image of it. Null where it is sent: also at a successor of the box that was asked.
 */
export function whyNotOurs(request, signedIn) {
  if (request.token !== signedIn.id) return "token";
  const [asked, here] = [lifeOf(request.writer), lifeOf(signedIn.writer)];
  if (here.location !== asked.location) return "elsewhere";
  return here.incarnation < asked.incarnation ? "earlier" : null;
}

/**
 * Who the token stands for, as `/v1/token` says. A new box knows nobody's token before it has taken
 * them over, and says that it is not ready: that is no answer.
 */
export async function whoIs(gateway) {
  try {
    return await gateway.get("/v1/token");
  } catch (error) {
    if (isDoor(error) && (await isTakingOver(gateway))) throw new Unanswered("taking over");
    throw error;
  }
}

/** Requests of one kind in the browser's store; each has `begun_ms`, and a key of its own. */
export function shelfOf(place) {
  const texts = () => Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at))
    .filter((one) => one.startsWith(place))
    .map((one) => localStorage.getItem(one));

  return {
    /** Throws where the browser keeps nothing; then the request must not be sent. */
    keep: (key, request) => localStorage.setItem(place + key, JSON.stringify(request)),
    forget: (key) => localStorage.removeItem(place + key),
    /** All that wait for their answer, oldest first; each may have been sent already (`wasSent`). */
    kept: () => texts()
      .map((text) => ({ ...JSON.parse(text), wasSent: true }))
      .sort((one, other) => one.begun_ms - other.begun_ms),
    /** Characters that they take of what a browser keeps for one address. */
    chars: () => texts().reduce((sum, text) => sum + text.length, 0),
  };
}

/**
 * Asks until there is an answer.
 *
 * @param {object} gateway  `askerFor` the token that the request belongs to
 * @param {object} request  as kept
 * @param {() => Promise<object>} ask  sends it once, with its key
 * @param {(tries: number, error: Error) => void} unanswered  hears of each try that decided nothing
 * @param {(ms: number) => Promise<void>} pause  waits, or less when somebody is impatient
 * @param {boolean} needsHub  whether "unavailable" may only mean that the hub is not heard
 * @returns {Promise<object>} what `ask` brought
 * @throws {Refused} nothing was done under this key
 * @throws {NotOurs} another token, or a program that is not to be asked
 */
export async function settled(gateway, request, ask, { unanswered, pause, needsHub = false }) {
  let wasSent = request.wasSent === true;
  for (let tries = 1; ; tries += 1) {
    try {
      if (tries > 1) await checkOurs(gateway, request);
      return await ask();
    } catch (error) {
      const asOf = { wasSent, needsHub, writer: request.writer };
      if (isDoor(error)) {
        if (!(await isTakingOver(gateway))) throw new NotOurs("token");
      } else if (!isUndecided(error, asOf)) throw error;
      wasSent = true;
      unanswered(tries, error);
      const pauseMs = Math.min(PAUSE_MS_MIN * 2 ** (tries - 1), PAUSE_MS_MAX);
      await pause(Math.max(pauseMs, error.retryAfterMs ?? 0));
    }
  }
}

const isDoor = (error) => error instanceof Refused && DOOR.has(error.slug);

/** A conflict is an answer, but for one that asks to come back: a twin of the request still runs. */
function isUndecided(error, asOf) {
  if (error instanceof Unanswered) return true;
  if (!(error instanceof Refused)) return false;
  if (error.slug === "unavailable") return mayBeUnknown(error, asOf);
  return UNDECIDED.has(error.slug) || (error.slug === "conflict" && error.retryAfterMs > 0);
}

/**
 * Whether a program that does nothing now may not know yet what was done under a key: a new box
 * takes over first what the one before it answered, and an old image has lost that.
 */
function mayBeUnknown(error, { wasSent, needsHub, writer }) {
  return wasSent && !(needsHub && error.seen?.writer === writer);
}

async function isTakingOver(gateway) {
  try {
    await gateway.get("/healthz");
    return false;
  } catch (error) {
    if (error instanceof Unanswered) return true;
    return error instanceof Refused && error.slug === "unavailable";
  }
}

/** The program behind this address may have been replaced while it did not answer. */
async function checkOurs(gateway, request) {
  const why = whyNotOurs(request, await gateway.get("/v1/token"));
  if (why !== null) throw new NotOurs(why);
}
