/**
 * What becomes of the sales that the browser keeps (`kept.js`): forgotten once the hub has them, and
 * handed to the box that took the place of the one that answered them. The rules are those of
 * `gateway.client.orphans`, but for one: a supervisor's token is that person's word for sales that a
 * till's word is not enough for, so with it nothing is handed in before he has looked and said so.
 *
 * A token of one register hands in that register's sales; the others wait for a token of theirs.
 */

import { Refused, Unanswered } from "./asking.js";
import { NOTHING } from "./handed.js";
import { forget, forgetUpTo, keep, kept, orphansOf, placed, refused } from "./kept.js";
import { lifeOf } from "./witness.js";

/** Answers that say nothing about a sale that is handed in. */
const LATER = new Set([401, 403, 404, 408, 429, 500, 502, 503, 504]);

const LOOK_MS = 10_000; // only while something is kept

/**
 * How far the hub has the gateway's journal, as its status says; null of one that does not sell: it
 * may be an old image, and have another sale in the place of one that is kept.
 */
export function placeAtHub({ selling, writer, journal }) {
  return selling.state === "stopped" ? null : { writer, seq: journal.acknowledged_seq };
}

/**
 * Hands sales to the box `writer`, the oldest first, until one has to wait.
 *
 * @returns {Promise<{handedIn: number, refusedKeys: string[]}>}
 */
export async function handIn(gateway, writer, sales) {
  let handedIn = 0;
  const refusedKeys = [];
  for (const one of sales) {
    try {
      await handInOne(gateway, writer, one);
      handedIn += 1;
    } catch (error) {
      if (!isRefusal(error)) break;
      refused(one, error.problem.detail);
      refusedKeys.push(one.key);
    }
  }
  return { handedIn, refusedKeys };
}

async function handInOne(gateway, writer, one) {
  const body = JSON.stringify({ sale: one.sale });
  const taken = await gateway.post("/v1/recovered-sales", body, one.key);
  // What a box before this one has journalled is known here from the hub.
  if (lifeOf(taken.writer).incarnation < lifeOf(writer).incarnation) forget(one.key);
  else placed(one, taken);
}

/** Whether the gateway has decided against a sale; else it is asked again later. */
function isRefusal(error) {
  if (error instanceof Unanswered) return false;
  if (!(error instanceof Refused)) throw error;
  return !LATER.has(error.problem.status) && error.retryAfterMs === 0;
}

/**
 * Looks after the kept sales while somebody is signed in, now and then and when it is told to.
 *
 * @param {object} gateway  `askerFor` the token
 * @param {{role: string, register: string | null}} token  as `/v1/token` says
 * @param {(told: object) => void} changed  hears what there is to say, as `NOTHING` has it
 */
export function keeperFor(gateway, token, changed) {
  const isWord = token.role !== "cashier";
  const inVain = new Set(); // keys of what was refused with this token
  const told = { ...NOTHING, isWord };
  let writer = null; // whose journal the gateway writes
  let isBusy = false;
  let isStopped = false;

  const isMine = ({ sale }) => token.register === null || token.register === sale.register;

  function tell() {
    if (isStopped || writer === null) return;
    const orphans = orphansOf(writer);
    const { waiting, notTaken } = sorted(orphans.filter(isMine));
    told.others = orphans.length - waiting.length - notTaken.length;
    changed({ ...told, waiting: waiting.length, refused: notTaken[0] ?? null });
  }

  async function hand(sales) {
    const { handedIn, refusedKeys } = await handIn(gateway, writer, sales);
    told.handedIn += handedIn;
    for (const key of refusedKeys) inVain.add(key);
  }

  async function look() {
    if (kept().length === 0) return;
    const status = await gateway.get("/v1/status");
    writer = status.writer;
    const place = placeAtHub(status);
    if (place !== null && !gateway.isDisputed(place.writer)) forgetUpTo(place);
    if (!isWord) await hand(orphansOf(writer).filter((one) => isMine(one) && !inVain.has(one.key)));
  }

  async function handInLooked() {
    const { waiting, notTaken } = sorted(orphansOf(writer).filter(isMine));
    await hand(waiting.length > 0 ? waiting : notTaken.slice(0, 1));
  }

  /** One at a time, and then what there is to say; what got no answer is done with the next look. */
  async function alone(act) {
    if (isBusy) return;
    isBusy = true;
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Unanswered || error instanceof Refused)) throw error;
    } finally {
      isBusy = false;
      tell();
    }
  }

  const timer = setInterval(() => alone(look), LOOK_MS);
  return {
    look: () => alone(look),
    /** Whoever is signed in has looked: what waits is handed in, or else the first that was not taken. */
    handIn: () => alone(handInLooked),
    /** The hub has the one that was not taken. */
    setAside() {
      const { notTaken: [first] } = sorted(orphansOf(writer).filter(isMine));
      if (first !== undefined) forget(first.key);
      tell();
    },
    /** A sale was acknowledged. */
    keep(key, sale) {
      told.dropped += keep(key, sale, Date.now());
      told.handedIn = 0; // it has been read by now
      tell();
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

function sorted(orphans) {
  return {
    waiting: orphans.filter((one) => one.refused === undefined),
    notTaken: orphans.filter((one) => one.refused !== undefined),
  };
}
