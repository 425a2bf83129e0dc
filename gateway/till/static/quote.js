/**
 * What a basket costs: the one place where the till asks for a price.
 *
 * Each line is its price times its quantity, rounded half up once, as `retail.pricing` does where
 * prices include their tax. What this cannot know (promotions, tax on top) is settled by
 * `expected_total_minor`: the gateway answers with its own total, and the cashier is asked.
 */

/**
 * Prices the lines. Asynchronous, because a price is the gateway's to tell.
 *
 * @returns {Promise<{lines: number[], total_minor: number}>} totals in minor units, in line order
 */
export async function quote(lines) {
  const totals = lines.map(lineTotal);
  return { lines: totals, total_minor: totals.reduce((sum, one) => sum + one, 0) };
}

function lineTotal({ price_minor, price_per_quantity, label, quantity: packs }) {
  if (label !== null && label.total_minor !== null) return label.total_minor * packs;
  const per = BigInt(price_per_quantity);
  const quantity = BigInt(packs) * BigInt(label?.quantity ?? 1);
  // BigInt: a price times a weight in grams may be above 2^53 before it is divided.
  return Number((2n * BigInt(price_minor) * quantity + per) / (2n * per));
}
