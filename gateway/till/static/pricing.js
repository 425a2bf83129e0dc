/**
 * The open basket: kept for a reload, and priced. Whoever changes it hands the changed one in here.
 *
 * What it costs is the till's own sum until the gateway has said it (`quote.js`); what is given for
 * it is read anew with each price.
 */

import { withCharged } from "./basket.js";
import { at } from "./elements.js";
import { givenFrom } from "./given.js";
import { showSelected } from "./lines.js";
import { ownSum } from "./quote.js";
import { paintPrices } from "./screen.js";
import { render } from "./showing.js";
import { till } from "./state.js";
import * as tab from "./tab.js";

/** Another basket, with the till's own sum until the gateway has said what it costs. */
export function setBasket(basket) {
  till.clearing = false;
  till.priced = ownSum(basket.lines);
  keepBasket(basket);
  askPrice();
  readGiven();
  render();
  showSelected();
}

/** A basket that costs what it did; the page is not painted. */
export function keepBasket(basket) {
  till.basket = basket;
  tab.keepBasket(basket);
}

/** Asks what the basket costs; what is on the screen stays there until that is known. */
export async function askPrice() {
  const { lines, coupons } = till.basket;
  if (lines.length === 0) return;
  till.pricing = true;
  const priced = await till.quote(till.basket);
  if (priced === null || till.basket.lines !== lines) return; // a later answer counts
  if (till.basket.coupons !== coupons) return;
  Object.assign(till, { priced, pricing: false });
  // A sale on its way is what it was when it was sent.
  if (till.state !== "waiting") keepBasket(withCharged(till.basket, priced.lines));
  readGiven();
  paintPrices(till);
}

/** What the basket costs may be another than what was said before. */
export function askAgain(basket) {
  if (till.state === "waiting" || basket.lines.length === 0) return;
  keepBasket({ ...basket, agreed_minor: null });
  askPrice();
}

/** What the amount field says of what is due now. */
export function readGiven() {
  const { tender, currency, numbers, credited } = till;
  till.given = givenFrom(at("given").value, {
    tender, currency, numbers, due_minor: credited.due_minor,
  });
}
