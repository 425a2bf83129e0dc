/** What the amount field says: money to take, or why it is none. Pure. */

import { latinDigits, looksScanned } from "./numbers.js";

const SCANNED_FACTOR = 20; // nobody gives this many times what is due; a barcode is far above it

/**
 * Reads a typed amount; nothing typed is exactly what is due, and so is a card.
 *
 * @returns {{minor: number} | {problem: object}} what to take, or a message of `words.js`
 */
export function givenFrom(typed, { tender, due_minor, currency, numbers }) {
  const text = latinDigits(typed.trim());
  if (tender === "card" || text === "") return { minor: due_minor };
  const minor = numbers.parseMoney(text, currency);
  if (looksScanned(text) && (minor === null || minor > SCANNED_FACTOR * due_minor)) {
    return { problem: { key: "givenScanned" } };
  }
  if (minor === null) return { problem: { key: "givenUnread", values: { currency } } };
  if (minor >= due_minor) return { minor };
  const missing = numbers.money(due_minor - minor, currency);
  return { problem: { key: "givenShort", values: { missing } } };
}
