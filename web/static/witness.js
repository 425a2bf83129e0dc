/**
 * Whose journal an answer comes from and how far it had come: `Countertop-Witness: writer;seq;hash`,
 * in all that a gateway says. As `gateway.client.witness` has it.
 *
 * A writer is `<location>.<incarnation>`. A box that takes the place of another has a higher
 * incarnation; a lower one that answers after a higher one was replaced, or runs from an old copy.
 *
 * A page shows the highest witness that it has seen with each request, also after a reload: a gateway
 * that does not reach so far has lost entries, and stops selling before it gives a place twice.
 */

export const HEADER = "Countertop-Witness";

const SHAPE = /^(([a-z0-9][a-z0-9-]{0,62})\.([1-9][0-9]{0,8}));([0-9]{1,15});(?:[0-9a-f]{64})?$/;

/** A header taken apart; null where it is none. */
export function witnessIn(text) {
  const [, writer, location, incarnation, seq] = SHAPE.exec(text ?? "") ?? [];
  if (writer === undefined) return null;
  return { text, writer, location, incarnation: Number(incarnation), seq: Number(seq) };
}

/** A writer taken apart. */
export function lifeOf(writer) {
  const dot = writer.lastIndexOf(".");
  return { location: writer.slice(0, dot), incarnation: Number(writer.slice(dot + 1)) };
}

/** Whether a witness proves more than another of the same location, or than none. */
export function isAbove(one, other) {
  if (other === null || one.incarnation > other.incarnation) return true;
  return one.incarnation === other.incarnation && one.seq > other.seq;
}

/**
 * The highest witness of one store of a chain, kept in the browser.
 *
 * A gateway may not believe what it is shown; then it is the store's as it is, and nothing of that
 * journal is kept: the next start of the page shows once more what was doubted. What the hub has of
 * such a journal may be another box's (`isDisputed`).
 */
export function witnessOf({ chain, location }) {
  const place = `countertop.witness.${chain}/${location}`;
  const stored = () => witnessIn(localStorage.getItem(place));
  let shown = stored();
  let doubted = null;

  const isDisputed = (writer) => doubted?.writer === writer;

  function keep(seen) {
    if (isDisputed(seen.writer) || !isAbove(seen, stored())) return;
    try {
      localStorage.setItem(place, seen.text);
    } catch {
      // No room: it is shown until the page is left.
    }
  }

  return {
    /** What requests show; null before the first answer. */
    get text() {
      return shown?.text ?? null;
    },
    isDisputed,
    /** An answer came with this. */
    see(seen) {
      if (seen === null || seen.location !== location || !isAbove(seen, shown)) return;
      shown = seen;
      keep(seen);
    },
    /** The gateway did not believe what it was shown, and showed this. */
    take(seen) {
      if (shown !== null && isAbove(shown, doubted)) doubted = shown;
      shown = seen;
    },
  };
}
