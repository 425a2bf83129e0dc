/** What came back of an order, and what a customer said that will: what is asked for, how it looks. */

import { element, isolated } from "./elements.js";

const RETURNS_MAX = 100; // of one order; more than its units can come back in

/** The addresses of an order's returns: announced ones, and those that shops took. */
export function returnPaths(order) {
  const asked = new URLSearchParams({ sale: order, limit: RETURNS_MAX });
  return { announced: `/v1/announced-returns?${asked}`, taken: `/v1/returns?${asked}` };
}

/** The returns as list items, the oldest first; what has come is no longer shown as announced. */
export function returnItems({ announced, taken }, office) {
  const waiting = announced.filter(({ state }) => state === "announced");
  return [...taken.map((one) => takenElement(one, office)), ...waiting.map((one) => announcedElement(one, office))];
}

function takenElement(one, { numbers, nowMs, placeOf }) {
  const { number, at, location, reason, currency, total_minor, unverified } = one;
  const item = element(
    "li", {},
    element("p", {}, numbered(number), unitsWords(one.goods, numbers), " at ", isolated(placeOf(location))),
    detail(`${numbers.time(at, nowMs)} · `, isolated(reason), ` · ${moneyWords(total_minor, currency, numbers)}`),
  );
  const left = leftToInspect(one);
  if (Object.keys(left).length > 0) item.append(detail("in quality control: ", unitsWords(left, numbers)));
  if (unverified) item.append(detail("taken in without having been verified"));
  return item;
}

function announcedElement({ number, at, reason, currency, total_minor, lines }, { numbers, nowMs }) {
  const goods = Object.fromEntries(lines.map(({ sku, quantity }) => [sku, quantity]));
  return element(
    "li", {},
    element("p", {}, numbered(number), "Announced: ", unitsWords(goods, numbers)),
    detail(`${numbers.time(at, nowMs)} · `, isolated(reason), ` · ${numbers.money(total_minor, currency)} when it comes`),
  );
}

const numbered = (number) => element("span", { className: "event" }, isolated(number));
const detail = (...parts) => element("p", { className: "detail" }, ...parts);

function moneyWords(total_minor, currency, numbers) {
  return total_minor === 0 ? "no money went back with it" : `${numbers.money(total_minor, currency)} went back`;
}

/** Units per SKU that nobody has looked at yet. */
function leftToInspect({ goods, inspected }) {
  const left = { ...goods };
  for (const { sku, quantity } of inspected) left[sku] -= quantity;
  return Object.fromEntries(Object.entries(left).filter(([, units]) => units > 0));
}

function unitsWords(goods, numbers) {
  return isolated(Object.entries(goods).map(([sku, units]) => `${numbers.count(units)} of ${sku}`).join(", "));
}
