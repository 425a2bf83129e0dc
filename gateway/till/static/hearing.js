/** What the gateway tells without being asked (`live.js`): scans, prices, and whether it is there. */

import { repriced } from "./basket.js";
import { askAgain } from "./pricing.js";
import { hearScanner } from "./scanning.js";
import { paintContact } from "./screen.js";
import { till } from "./state.js";

export function hear(message) {
  if (message.register === till.signedIn.register) hearScanner(message);
  if (message.type === "price") askAgain(repriced(till.basket, message.sku, message.price_minor));
  if (message.type === "prices") askAgain(till.basket);
}

export function contact(connected) {
  paintContact(till, connected ? "live" : "lost");
  if (!connected) return;
  askAgain(till.basket); // news of prices may have been missed
  till.keeper.look(); // it may be another box
}
