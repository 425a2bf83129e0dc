/**
 * What may be offered of what, and what a basket lacks. Pure.
 *
 * `stock` has the hub's availability per SKU: {here, places}, units that may be offered in all and
 * per location. What it does not have was not asked for yet.
 */

/** From this many on nobody needs the number. */
export const PLENTY = 6;

/** The SKUs whose stock decides about a product: its own, or its components'. */
export function stocksOf({ sku, bundle, stock_policy }) {
  if (bundle.length > 0) return bundle.map((part) => part.sku);
  return stock_policy === "untracked" ? [] : [sku];
}

/** The hub's answer about several SKUs, as stock. */
export function stockFrom(items) {
  return new Map(items.map(({ sku, available_online, locations }) => [sku, {
    here: available_online,
    places: new Map(locations.map((one) => [one.location, one.available_online])),
  }]));
}

/** How many of a product may be offered, at one place or in all; null: not known, or no stock. */
export function offered(product, stock, place = null) {
  const { bundle } = product;
  const each = bundle.length > 0 ? bundle : stocksOf(product).map((sku) => ({ sku, quantity: 1 }));
  if (each.length === 0 || !each.every(({ sku }) => stock.has(sku))) return null;
  return Math.min(...each.map(({ sku, quantity }) => {
    const { here, places } = stock.get(sku);
    return Math.floor((place === null ? here : places.get(place) ?? 0) / quantity);
  }));
}

/** What is said of a product: a message of `words.js`. `seen` is the most that was shown of it. */
export function stockWords(units, seen, numbers) {
  if (units === null) return null;
  if (units >= PLENTY) return { key: "inStock" };
  if (units > 0) return { key: "left", count: units, values: { units: numbers.count(units) } };
  return { key: seen > 0 ? "goneMeanwhile" : "soldOut" };
}

/** The lines of a basket of which fewer are offered, each with how many: [{sku, units}]. */
export function lacking(basket, products, stock) {
  return basket
    .map(({ sku, quantity }) => ({ sku, quantity, units: offered(products.get(sku), stock) }))
    .filter(({ quantity, units }) => units !== null && units < quantity)
    .map(({ sku, units }) => ({ sku, units }));
}

/** Whether a place has the whole basket. */
export function hasAll(basket, products, stock, place) {
  return basket.every(({ sku, quantity }) => {
    const units = offered(products.get(sku), stock, place);
    return units === null || units >= quantity;
  });
}

/** The basket with so many more of a SKU, or fewer; a line of none is gone. */
export function changed(basket, sku, step) {
  const line = basket.find((one) => one.sku === sku);
  const quantity = (line?.quantity ?? 0) + step;
  if (line === undefined) return quantity > 0 ? [...basket, { sku, quantity }] : basket;
  if (quantity <= 0) return basket.filter((one) => one.sku !== sku);
  return basket.map((one) => one.sku === sku ? { sku, quantity } : one);
}

/** "9:05" of what remains; never below zero. */
export function countdown(remainingMs) {
  const seconds = Math.max(0, Math.ceil(remainingMs / 1000));
  return [Math.floor(seconds / 60), seconds % 60];
}
