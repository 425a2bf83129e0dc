/**
 * Acknowledged sales, kept in the browser until the hub has them: the last copy of each where the
 * gateway's disk is lost before that. As `gateway.client.outbox` keeps them.
 *
 * Each has `{key, writer, seq, sale}`: the key it was asked for with, the place in a journal that
 * the hub has to reach, and the sale as it was answered; `refused`, the gateway's sentence, where it
 * was not taken by the box to which it was handed. They are this browser's, whoever is signed in.
 */

import { shelfOf } from "./settling.js";
import { shop } from "./state.js";
import { lifeOf } from "./witness.js";

/** Half of what browsers give an address, for a sale on its way needs room: some 1,500 of five lines. */
export const KEPT_CHARS_MAX = 2_500_000;

const shelf = shelfOf(`countertop.done.${shop.chain}/`); // another chain may have had this address

export const { kept, forget } = shelf;

/**
 * Keeps a sale; where there is no room the oldest ones go.
 *
 * @returns {number} how many went, which are at the gateway alone now if the hub has not got them
 */
export function keep(key, sale, nowMs, charsMax = KEPT_CHARS_MAX) {
  const one = { key, writer: sale.writer, seq: sale.seq, sale, begun_ms: nowMs };
  const others = kept().filter((other) => other.key !== key);
  for (const [dropped, oldest] of others.entries()) {
    if (fits(one, charsMax)) return dropped;
    forget(oldest.key);
  }
  return fits(one, charsMax) ? others.length : others.length + 1;
}

/** Writes it down if there is room: within the bound, and in what the browser has left. */
function fits(one, charsMax) {
  try {
    shelf.keep(one.key, one);
  } catch {
    return false;
  }
  if (shelf.chars() <= charsMax) return true;
  forget(one.key);
  return false;
}

/** It is journalled at another place now, by the box that it was handed to. */
export function placed(one, { writer, seq }) {
  const { refused: _gone, ...plain } = one;
  shelf.keep(one.key, { ...plain, writer, seq });
}

/** The gateway did not take it: a person has to look. */
export function refused(one, sentence) {
  shelf.keep(one.key, { ...one, refused: sentence });
}

/** Forgets what the hub has of a writer. */
export function forgetUpTo({ writer, seq }) {
  for (const one of kept()) if (one.writer === writer && one.seq <= seq) forget(one.key);
}

/** Those that boxes before `writer` answered, the oldest first. */
export function orphansOf(writer) {
  const here = lifeOf(writer);
  return kept().filter((one) => {
    const { location, incarnation } = lifeOf(one.writer);
    return location === here.location && incarnation < here.incarnation;
  });
}
