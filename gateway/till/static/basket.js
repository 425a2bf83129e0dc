/**
 * The open basket. Every function takes a basket and returns another one; nothing is changed.
 *
 *     key            the sale's Idempotency-Key, made before the first try; null until then. It stays
 *                    with the basket after a refusal, so that a try that was lost on the way and
 *                    arrives late can never be a second sale.
 *     tried          the bodies that were sent under this key and refused, oldest first
 *     lines          {sku, name, translations, unit, currency, price_minor, price_per_quantity,
 *                    quantity}, one per SKU in the order of their first scan
 *     selected       which line the keys act on; -1: none
 *     agreed_minor   the gateway's own total, once the cashier took it; until the lines change
 */

export const QUANTITY_MAX = 1_000_000_000;

export const EMPTY = Object.freeze({
  key: null, tried: [], lines: [], selected: -1, agreed_minor: null,
});

/** One more of a product, or `quantity` more; weighed goods come by the quantity of their price. */
export function added(basket, product, quantity = product.price_per_quantity) {
  const at = basket.lines.findIndex((line) => line.sku === product.sku);
  if (at >= 0) {
    const now = repriced(basket, product.sku, product.price_minor);
    return withQuantity(now, at, now.lines[at].quantity + quantity);
  }
  const { sku, name, translations, unit, currency, price_minor, price_per_quantity } = product;
  const line = { sku, name, translations, unit, currency, price_minor, price_per_quantity, quantity };
  return changed(basket, [...basket.lines, line], basket.lines.length);
}

/** A line with another quantity; one with none is void. */
export function withQuantity(basket, at, quantity) {
  if (quantity <= 0) return voided(basket, at);
  const bounded = Math.min(quantity, QUANTITY_MAX);
  return changed(basket, basket.lines.with(at, { ...basket.lines[at], quantity: bounded }), at);
}

/** The basket without a line; the one that took its place is selected. */
export function voided(basket, at) {
  const lines = basket.lines.toSpliced(at, 1);
  return changed(basket, lines, Math.min(at, lines.length - 1));
}

/** The line at `place` selected. */
export function selected(basket, place) {
  return { ...basket, selected: place };
}

/** Another line selected: the next (1) or the one before (-1), no further than the ends. */
export function selecting(basket, step) {
  const last = basket.lines.length - 1;
  return selected(basket, Math.min(Math.max(basket.selected + step, 0), last));
}

/** A price that changed: an open basket keeps the lower one. */
export function repriced(basket, sku, price_minor) {
  const at = basket.lines.findIndex((line) => line.sku === sku);
  if (at < 0 || basket.lines[at].price_minor <= price_minor) return basket;
  return changed(basket, basket.lines.with(at, { ...basket.lines[at], price_minor }), basket.selected);
}

/** What the gateway asks for now, by SKU, whether more or less; the cashier is told the total. */
export function withPrices(basket, prices) {
  const lines = basket.lines.map((line) => ({
    ...line, price_minor: prices.get(line.sku) ?? line.price_minor,
  }));
  return changed(basket, lines, basket.selected);
}

function changed(basket, lines, place) {
  return { ...basket, lines, selected: place, agreed_minor: null };
}
