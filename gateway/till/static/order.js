/**
 * Goods from another store: a basket that is an order. Pure.
 *
 * Such a basket has `order`, {place, way, name, phone, address, whole, at}: the store that has the
 * goods as {location, name}, "ship" or "pickup", who gets them, and the basket that the line was in,
 * where it was at `at`. Any other basket has null there.
 */

import { EMPTY, voided } from "./basket.js";

/** What another store has of what is short here, and which line it is; null where none has enough. */
export function offerFrom({ sku, elsewhere }, basket, here) {
  const at = basket.lines.findIndex((line) => line.sku === sku && line.label === null);
  if (at < 0 || basket.order) return null;
  const { quantity } = basket.lines[at];
  const found = elsewhere.find((row) => row.location !== here && row.quantity >= quantity);
  if (found === undefined) return null;
  return { at, place: { location: found.location, name: found.name ?? found.location } };
}

/** A basket of that line alone, to be sent to the customer until somebody says otherwise. */
export function ordering(basket, { at, place }) {
  const order = { place, way: "ship", name: "", phone: "", address: "", whole: basket, at };
  return { ...EMPTY, lines: [basket.lines[at]], selected: 0, order };
}

/** What is left to sell here when the order is booked. */
export function afterOrder({ order: { whole, at } }) {
  return whole.lines.length === 1 ? EMPTY : voided(whole, at);
}

/** The lines as an order names them: it has the hub's prices. */
function asOrdered({ lines }) {
  return lines.map(({ sku, quantity }) => ({ sku, quantity }));
}

function fulfilmentOf({ way, place, address }) {
  return way === "ship" ? { type: "ship", address } : { type: "pickup", location: place.location };
}

/** The body that asks what an order costs. */
export function quoteBody(basket, register) {
  return { register, lines: asOrdered(basket), fulfilment: fulfilmentOf(basket.order) };
}

/** The body that orders it; what nobody typed is left out. */
export function orderBody(basket, register, tenders, expected_total_minor) {
  const { name, phone } = basket.order;
  return {
    ...quoteBody(basket, register),
    ...(name === "" ? {} : { customer: { name } }),
    ...(phone === "" ? {} : { contact: { phone } }),
    tenders,
    expected_total_minor,
  };
}
