/** The queue: what is asked for, page by page, and how its rows look. */

import { element, isolated } from "./elements.js";
import { STATUS } from "./words.js";

export const PAGE = 25;

/** The address of a page of the queue; `cursor` is null for the first. */
export function queuePath({ text, status, location, newest }, cursor) {
  const asked = new URLSearchParams({ limit: String(PAGE), newest });
  for (const [name, value] of Object.entries({ text, status, location, cursor })) {
    if (value !== null && value.trim() !== "") asked.set(name, value.trim());
  }
  return `/v1/orders?${asked}`;
}

/** What is said above the list: nothing when it has orders. */
export function queueSaid({ items, next_cursor }, { text, status, location }) {
  if (items.length > 0) return "";
  if (next_cursor !== null) return "Nothing found so far. The next page looks further.";
  if (text.trim() === "" && status === "" && location === "") return "There is no order yet.";
  return "No order matches.";
}

/** One row: a link to the order. */
export function rowElement(order, { numbers, placeOf, nowMs }) {
  const units = order.lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const way = order.fulfilment.type === "pickup"
    ? `Pick up at ${placeOf(order.fulfilment.location)}` : "Ship";
  const link = element(
    "a", { href: `#/order/${encodeURIComponent(order.id)}`, data: { focus: "row" } },
    element("span", { className: "number" }, isolated(order.number)),
    badge(order.status),
    element("span", { className: "total" }, isolated(numbers.money(order.total_minor, order.currency))),
    element(
      "span", { className: "detail" },
      `${numbers.time(order.placed_at, nowMs)} · ${numbers.count(units)} ${units === 1 ? "unit" : "units"} · `,
      isolated(way),
    ),
  );
  return element("li", {}, link);
}

/** A status as a small sign. */
export function badge(status) {
  const { name, tone } = STATUS[status];
  return element("span", { className: "badge", textContent: name, data: { tone } });
}
