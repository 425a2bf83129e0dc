/**
 * What a basket costs: the one place where the till asks for a price.
 *
 * The gateway says it: with offers, with tax on top where prices exclude it, and with the lower
 * price that an open basket keeps. Until it has, and where it does not answer, the till has its own
 * sum: each line is its price times its quantity, rounded half up once, as `retail.prices.pricing` does
 * where prices include their tax. `expected_total_minor` settles what that cannot know.
 *
 * A price is {lines, total_minor, taxes, coupons, by}; its lines are {amount_minor, unit_price_minor,
 * discounts}, in the order of the basket's. `taxes` are {tax_rate, tax_minor, total_minor} for each
 * rate, `coupons` the codes that take something off. `by` is "gateway", or "till" for a sum of its
 * own, which knows neither.
 */

import { asSold } from "./basket.js";
import { quoteBody } from "./order.js";
import { Refused, Unanswered } from "./asking.js";

const SETTLE_MS = 100; // scans come faster than prices are read
const ANSWER_MS_MAX = 2_000; // later than that nobody waits for it

/**
 * A way to ask for the price of the basket of one register.
 *
 * @returns {(basket: object) => Promise<object | null>} the price; null where it was asked for again
 *   meanwhile, and that answer counts
 */
export function quoterFor(gateway, register) {
  let latest = 0;
  return async (basket) => {
    latest += 1;
    const mine = latest;
    await new Promise((resolve) => { setTimeout(resolve, SETTLE_MS); });
    if (mine !== latest) return null;
    const price = await ask(gateway, register, basket);
    return mine === latest ? price : null;
  };
}

async function ask(gateway, register, basket) {
  try {
    return await firmPrice(gateway, register, basket);
  } catch (error) {
    // Why it is refused is said when it is sold: a basket is put together in any order.
    if (error instanceof Refused || error instanceof Unanswered) return ownSum(basket.lines);
    throw error;
  }
}

/** The gateway's price of a basket, or why it has none: throws what `askerFor` throws. */
export async function firmPrice(gateway, register, basket) {
  const [path, asked] = basket.order ? ["/v1/orders/quotes", quoteBody(basket, register)]
    : ["/v1/quotes", { register, lines: asSold(basket), coupons: basket.coupons }];
  return priceFrom(await gateway.post(path, JSON.stringify(asked), undefined, ANSWER_MS_MAX));
}

function priceFrom({ lines, total_minor, taxes, promotions }) {
  const coupons = promotions.flatMap(({ coupon }) => coupon === null ? [] : [coupon]);
  const priced = lines.map(({ total_minor: amount_minor, unit_price_minor, discounts }) => (
    { amount_minor, unit_price_minor, discounts }
  ));
  return { lines: priced, total_minor, taxes, coupons, by: "gateway" };
}

/** What the till adds up by itself. */
export function ownSum(lines) {
  const priced = lines.map((line) => ({
    amount_minor: lineTotal(line), unit_price_minor: line.price_minor, discounts: [],
  }));
  const total_minor = priced.reduce((sum, { amount_minor }) => sum + amount_minor, 0);
  return { lines: priced, total_minor, taxes: [], coupons: [], by: "till" };
}

function lineTotal({ price_minor, price_per_quantity, label, quantity: packs }) {
  if (label !== null && label.total_minor !== null) return label.total_minor * packs;
  const per = BigInt(price_per_quantity);
  const quantity = BigInt(packs) * BigInt(label?.quantity ?? 1);
  // BigInt: a price times a weight in grams may be above 2^53 before it is divided.
  return Number((2n * BigInt(price_minor) * quantity + per) / (2n * per));
}
