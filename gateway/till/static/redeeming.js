/** Coupons that a customer shows: taken for this basket where the gateway takes them. */

import { withCoupon, withoutCoupon } from "./basket.js";
import { at } from "./elements.js";
import { latinDigits } from "./numbers.js";
import { setBasket } from "./pricing.js";
import { firmPrice } from "./quote.js";
import { focus } from "./screen.js";
import { tellProblem } from "./showing.js";
import { till } from "./state.js";

/** Takes the coupon that was typed, or says why the gateway does not. */
export async function redeem() {
  const coupon = latinDigits(at("coupon").value.trim()).toUpperCase();
  if (coupon === "" || till.state !== "ringing" || till.basket.lines.length === 0) return;
  try {
    await firmPrice(till.gateway, till.signedIn.register, withCoupon(till.basket, coupon));
  } catch (error) {
    tellProblem(error);
    return;
  }
  if (till.state !== "ringing") return;
  at("coupon").value = "";
  till.notice = null;
  setBasket(withCoupon(till.basket, coupon));
  focus(till);
}

export function dropCoupon(coupon) {
  if (till.state !== "ringing") return;
  till.notice = null;
  setBasket(withoutCoupon(till.basket, coupon));
  focus(till);
}

export function toCoupon() {
  if (till.state === "ringing") at("coupon").focus();
}
