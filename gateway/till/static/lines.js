/**
 * What is in the basket, as the screen shows it: its lines, the coupons and the store credits. Each
 * has buttons of its own, which are made with it; `act` has what they do.
 */

import { stepOf } from "./basket.js";
import { at, element, isolated } from "./elements.js";

/** Shows the basket. */
export function paintLines(till, act) {
  const { lines, coupons, credits } = till.basket;
  at("nothing").hidden = lines.length > 0;
  at("lines").replaceChildren(...lines.map((line, place) => lineElement(till, line, place, act)));
  at("coupons").replaceChildren(...coupons.map((coupon) => couponElement(till, coupon, act)));
  at("credits").replaceChildren(...credits.map((credit) => creditElement(till, credit, act)));
}

/** Shows what the lines cost, and nothing else: a quantity may be half typed. */
export function paintAmounts(till) {
  for (const [place, item] of [...at("lines").children].entries()) {
    const line = till.basket.lines[place];
    item.querySelector(".what").replaceWith(whatElement(till, line, place));
    item.querySelector(".amount").replaceWith(amountElement(till, line, place));
  }
  for (const [place, item] of [...at("coupons").children].entries()) {
    sayCoupon(item.firstChild, till, till.basket.coupons[place]);
  }
}

/** The selected line in view, for whoever pages through a long basket. */
export function showSelected() {
  at("lines").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

// One line

function lineElement(till, line, place, act) {
  const item = element(
    "li", {},
    whatElement(till, line, place),
    quantityElement(till, line, place, act),
    amountElement(till, line, place),
  );
  if (place === till.basket.selected) item.setAttribute("aria-current", "true");
  item.addEventListener("click", (event) => {
    if (!event.target.closest("button, input")) act.selectLine(place);
  });
  return item;
}

function whatElement(till, line, place) {
  const discounts = till.priced.lines[place].discounts.map(({ name, amount_minor }) => {
    const off = element("p", { className: "discount" });
    const amount = till.numbers.money(-amount_minor, line.currency);
    till.speaker.say(off, { key: "discount", values: { name, amount } });
    return off;
  });
  const name = part("p", "name", till.nameOf(line));
  return element("div", { className: "what" }, name, detailElement(till, line), ...discounts);
}

function amountElement({ priced, numbers }, { currency }, place) {
  return part("p", "amount", numbers.amount(priced.lines[place].amount_minor, currency));
}

/** A part with a text from elsewhere, or a number, alone in it. */
function part(kind, className, text) {
  return element(kind, { className }, isolated(text));
}

const unitOf = ({ speaker }, line) => speaker.text({ key: `unit_${line.unit}` });

function detailElement(till, line) {
  const { speaker, numbers } = till;
  const detail = part("p", "detail", line.sku);
  const price = element("span");
  const unit = unitOf(till, line);
  const measured = (quantity) => `${numbers.count(quantity)}${unit && ` ${unit}`}`;
  const values = {
    price: numbers.money(line.price_minor, line.currency),
    quantity: measured(line.price_per_quantity),
  };
  speaker.say(price, { key: line.price_per_quantity === 1 ? "each" : "per", values });
  detail.append(" · ", price);
  if (line.label !== null) {
    detail.append(" · ", part("span", "pack", measured(line.label.quantity)));
  }
  return detail;
}

function quantityElement(till, line, place, act) {
  const disabled = till.state !== "ringing";
  const values = { product: till.nameOf(line) };
  const labelled = (key) => ({ disabled, aria: { label: till.speaker.text({ key, values }) } });
  const button = (textContent, key, change) => element("button", {
    ...labelled(key), type: "button", textContent,
    on: { click: () => act.setQuantity(place, line.quantity + change) },
  });
  const field = element("input", {
    ...labelled("quantityOf"), inputMode: "numeric", dir: "ltr",
    value: till.numbers.digits(line.quantity),
    on: { change: () => act.typeQuantity(place, field.value) },
  });
  const step = stepOf(line);
  const unit = line.unit !== "piece" && line.label === null
    ? part("span", "unit", unitOf(till, line)) : null;
  const parts = [button("−", "less", -step), field, button("+", "more", step), unit];
  return element("div", { className: "quantity" }, ...parts);
}

// What the customer showed

function couponElement(till, coupon, act) {
  const drop = { key: "couponDrop", values: { coupon } };
  const item = shownElement(till, drop, () => act.dropCoupon(coupon));
  sayCoupon(item.firstChild, till, coupon);
  return item;
}

function sayCoupon(words, { speaker, priced }, coupon) {
  const idle = priced.by === "gateway" && !priced.coupons.includes(coupon);
  speaker.say(words, { key: idle ? "couponIdle" : "coupon", values: { coupon } });
}

function creditElement(till, { code, left_minor }, act) {
  const values = { credit: code, left: till.numbers.money(left_minor, till.currency) };
  const drop = { key: "creditDrop", values };
  const item = shownElement(till, drop, () => act.dropCredit(code));
  till.speaker.say(item.firstChild, { key: "credit", values });
  return item;
}

/** Room for its words, and a button that takes it out again. */
function shownElement({ state, speaker }, drop, dropIt) {
  const button = element("button", {
    type: "button", textContent: "×", disabled: state !== "ringing",
    aria: { label: speaker.text(drop) }, on: { click: dropIt },
  });
  return element("li", {}, element("span"), button);
}
