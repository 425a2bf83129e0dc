/**
 * The open basket. Every function takes a basket and returns another one; nothing is changed.
 *
 *     key            the sale's Idempotency-Key, made before the first try; null until then. It
 *                    stays with the basket after a refusal, so that a try that was lost on the way
 *                    and arrives late can never be a second sale
 *     tried          the bodies that were sent under this key and refused, oldest first
 *     lines          {sku, name, translations, unit, currency, price_minor, price_per_quantity,
 *                    quantity, label}, one per SKU or label in the order of their first scan
 *     selected       which line the keys act on; -1: none
 *     coupons        codes that the gateway takes for this basket, in the order of their typing
 *     credits        store credits that pay for it: {code, left_minor}, what they had when asked
 *     order          null, or where the goods come from: `order.js`
 *     agreed_minor   the gateway's own total, once the cashier took it; until the lines change
 *
 * `price_minor` is what the customer was shown: the gateway keeps it where it is the lower one.
 *
 * `label` is null, or what a scale printed: {code, quantity, total_minor}, how much one pack is and,
 * where the label has it, what it costs. The line's own quantity counts packs then.
 */

export const QUANTITY_MAX = 1_000_000_000;

export const EMPTY = Object.freeze({
  key: null, tried: [], lines: [], selected: -1, coupons: [], credits: [], order: null,
  agreed_minor: null,
});

/** What one step of a line's quantity is: a piece, a pack, or what the price is for. */
export function stepOf({ label, price_per_quantity }) {
  return label === null ? price_per_quantity : 1;
}

/** The product that `code` was answered with, as a line with `quantity`, or with one step. */
export function lineOf(product, code, quantity) {
  const { sku, name, translations, unit, currency, price_minor, price_per_quantity } = product;
  const label = (product.quantity ?? null) === null ? null
    : { code, quantity: product.quantity, total_minor: product.line_total_minor };
  const line = { sku, name, translations, unit, currency, price_minor, price_per_quantity, label };
  return { ...line, quantity: quantity ?? stepOf(line) };
}

/** A line more, or more of the line that there is. */
export function added(basket, line) {
  const place = basket.lines.findIndex(
    (one) => one.sku === line.sku && one.label?.code === line.label?.code,
  );
  if (place < 0) return changed(basket, [...basket.lines, line], basket.lines.length);
  const now = repriced(basket, line.sku, line.price_minor);
  return withQuantity(now, place, now.lines[place].quantity + line.quantity);
}

/** A line with another quantity; one with none is void. */
export function withQuantity(basket, place, quantity) {
  if (quantity <= 0) return voided(basket, place);
  const line = { ...basket.lines[place], quantity: Math.min(quantity, QUANTITY_MAX) };
  return changed(basket, basket.lines.with(place, line), place);
}

/** The basket without a line; the one that took its place is selected. */
export function voided(basket, place) {
  const lines = basket.lines.toSpliced(place, 1);
  return changed(basket, lines, Math.min(place, lines.length - 1));
}

/** The line at `place` selected. */
export function selected(basket, place) {
  return { ...basket, selected: place };
}

/** A coupon more; one that is there already is there once. */
export function withCoupon(basket, coupon) {
  const others = withoutCoupon(basket, coupon);
  return { ...others, coupons: [...others.coupons, coupon] };
}

/** The basket without a coupon. */
export function withoutCoupon(basket, coupon) {
  return { ...basket, coupons: basket.coupons.filter((one) => one !== coupon), agreed_minor: null };
}

/** A store credit more; one that is there already is there once, as it was read last. */
export function withCredit(basket, credit) {
  const others = withoutCredit(basket, credit.code);
  return { ...others, credits: [...others.credits, credit] };
}

/** The basket without a store credit. */
export function withoutCredit(basket, code) {
  return { ...basket, credits: basket.credits.filter((one) => one.code !== code) };
}

/** Another line selected: the next (1) or the one before (-1), no further than the ends. */
export function selecting(basket, step) {
  const last = basket.lines.length - 1;
  return selected(basket, Math.min(Math.max(basket.selected + step, 0), last));
}

/** A price that changed: an open basket keeps the lower one. */
export function repriced(basket, sku, price_minor) {
  const falls = (line) => line.sku === sku && line.price_minor > price_minor;
  if (!basket.lines.some(falls)) return basket;
  const lines = basket.lines.map((line) => falls(line) ? { ...line, price_minor } : line);
  return changed(basket, lines, basket.selected);
}

/** The prices that the gateway charges, line by line: from now on they are what was shown. */
export function withCharged(basket, charged) {
  const isShown = (line, place) => line.price_minor === charged[place].unit_price_minor;
  if (basket.lines.every(isShown)) return basket;
  const lines = basket.lines.map((line, place) => (
    { ...line, price_minor: charged[place].unit_price_minor }
  ));
  return { ...basket, lines };
}

/** The lines as a sale names them. A price that was shown is kept where it is the lower one. */
export function asSold({ lines }) {
  return lines.map(({ sku, label, quantity, price_minor }) => {
    const named = label === null ? { sku } : { barcode: label.code };
    return { ...named, quantity, shown_price_minor: price_minor };
  });
}

function changed(basket, lines, place) {
  return { ...basket, lines, selected: place, agreed_minor: null };
}
