/** One order: its units, lines, money, history, and what can be done about it. */

import { element, isolated } from "./elements.js";
import { badge } from "./queue.js";
import { returnItems } from "./returns.js";
import { EVENT, PAYMENT, STATUS, TENDER, UNITS, percent, personalLines } from "./words.js";

const KEPT = new Set(["held", "committed"]);

/**
 * The order as an element.
 *
 * @param {object} order    as the API has it
 * @param {object} office   {numbers, locations, placeOf, nowMs, tells, decides, returns}
 * @param {object} act      {tell(order, type), reallocate(order, allocation, location)}
 */
export function orderElement(order, office, act) {
  const { numbers, nowMs } = office;
  const placed = element("p", { className: "hint", textContent: `Placed ${numbers.time(order.placed_at, nowMs)}` });
  return element(
    "article", {},
    element("p", { className: "back" }, element("a", { href: "#/orders", textContent: "Back to the queue" })),
    element(
      "div", { className: "head" },
      element("h2", { tabIndex: -1, data: { focus: "title" } }, isolated(order.number)), badge(order.status),
    ),
    element("p", { className: "means", textContent: statusSentence(order, office) }),
    placed,
    actionsElement(order, office, act),
    part("Units", "ul", unitsOf(order, office, act)),
    part("Lines", "ul", order.lines.map((line) => lineElement(line, order, numbers))),
    moneyElement(order, numbers),
    part("Fulfilment", "dl", fulfilmentRows(order, office)),
    returnsElement(office),
    part("History", "ol", historyOf(order, office)),
  );
}

/** What the status means, and of a requested cancel whose answer is waited for. */
function statusSentence(order, { placeOf, locations, numbers, nowMs }) {
  const { means } = STATUS[order.status];
  if (order.status !== "cancel_requested") return means;
  const waited = new Set(order.allocations.filter(({ state }) => KEPT.has(state)).map(({ location }) => location));
  const who = [...waited].map((location) => {
    const link = locations.get(location)?.link;
    return `${placeOf(location)}${link === undefined ? "" : silence(link, numbers, nowMs)}`;
  });
  return who.length === 0 ? means : `${means} Waiting for ${who.join(" and ")}.`;
}

function silence({ state, last_heard }, numbers, nowMs) {
  if (state === "connected") return "";
  return last_heard === null ? ", which was never heard"
    : `, which is cut off since ${numbers.time(last_heard, nowMs)}`;
}

function part(title, kind, children) {
  return element("section", {}, element("h3", { textContent: title }), element(kind, {}, ...children));
}

function row(name, ...values) {
  return element("div", {}, element("dt", { textContent: name }), element("dd", {}, ...values));
}

// What can be done

function actionsElement(order, { tells }, act) {
  const box = element("div", { className: "actions" });
  if (!tells) return box;
  const isPaid = order.events.some(({ type }) => type === "paid");
  if (!isPaid && order.status !== "cancelled") {
    box.append(element("button", {
      type: "button", textContent: "The money has come", data: { focus: "paid" },
      on: { click: () => act.tell(order, "paid") },
    }));
  }
  if (order.allocations.some(({ state }) => KEPT.has(state)) && order.status !== "cancel_requested") {
    box.append(twice("Cancel the order", "Cancel it? Press again", "cancel", () => act.tell(order, "cancelled")));
  }
  return box;
}

/** A button that asks once more: its second press acts. */
function twice(text, sure, focus, press) {
  let armed = false;
  return element("button", {
    type: "button", textContent: text, data: { focus },
    on: {
      click: ({ target }) => {
        if (armed) press();
        armed = !armed;
        target.textContent = armed ? sure : text;
      },
      blur: ({ target }) => {
        armed = false;
        target.textContent = text;
      },
    },
  });
}

// Where the units are

function unitsOf(order, office, act) {
  const asked = new Set(order.events.flatMap(({ allocations }) => allocations ?? []));
  return order.allocations.map((one) => {
    const isAsked = asked.has(one.id) && one.state === "committed";
    const state = isAsked ? "asked back; no answer yet" : UNITS[one.state];
    const item = element(
      "li", {},
      element("p", {}, `${office.numbers.count(one.quantity)} of `, isolated(one.sku), " at ", isolated(office.placeOf(one.location)), `: ${state}`),
    );
    if (one.replaces !== null) {
      item.append(element("p", { className: "detail" }, "in the place of ", isolated(one.replaces)));
    }
    if (one.part_of !== null) {
      item.append(element("p", { className: "detail" }, "split off ", isolated(one.part_of)));
    }
    item.append(element("p", { className: "detail" }, isolated(one.id)));
    const isMovable = one.state === "committed" && !isAsked && order.fulfilment.type === "ship";
    if (office.decides && isMovable && order.status !== "cancel_requested") item.append(elsewhereElement(order, one, office, act));
    return item;
  });
}

function elsewhereElement(order, one, { locations }, act) {
  const others = [...locations.values()].filter(({ id }) => id !== one.location);
  const select = element(
    "select", { data: { focus: `where ${one.id}` }, aria: { label: `Send ${one.sku} from` } },
    element("option", { value: "", textContent: "Wherever there is most" }),
    ...others.map(({ id, name }) => element("option", { value: id, textContent: name })),
  );
  const form = element(
    "form", {
      on: {
        submit: (event) => {
          event.preventDefault();
          act.reallocate(order, one, select.value);
        },
      },
    },
    select, element("button", { textContent: "Send from there", data: { focus: `move ${one.id}` } }),
  );
  return element("details", { data: { focus: `elsewhere ${one.id}` } }, element("summary", { textContent: "Send from elsewhere" }), form);
}

// What was bought, and for how much

function lineElement(line, { currency }, numbers) {
  const item = element(
    "li", { className: "line" },
    element("p", { className: "name" }, isolated(line.name)),
    element("p", { className: "amount" }, isolated(numbers.money(line.total_minor, currency))),
    element(
      "p", { className: "detail" },
      isolated(line.sku), ` · ${numbers.count(line.quantity)} · price ${numbers.money(line.unit_price_minor, currency)}`,
      ` · tax ${percent(line.tax_rate)}, ${numbers.money(line.tax_minor, currency)}`,
    ),
  );
  for (const { name, amount_minor } of line.discounts) {
    item.append(element("p", { className: "detail" }, isolated(name), ` ${numbers.money(-amount_minor, currency)}`));
  }
  return item;
}

function moneyElement(order, numbers) {
  const money = (minor) => isolated(numbers.money(minor, order.currency));
  const isLate = order.payment !== "paid" && order.events.some(({ type }) => type === "paid");
  return part("Money", "dl", [
    row("Total", money(order.total_minor)),
    row("Tax in it", money(order.tax_minor)),
    row("Payment", isLate ? `${PAYMENT[order.payment]}; the money has come` : PAYMENT[order.payment]),
  ]);
}

/** What came back; nothing where nothing did and nobody said that it will. */
function returnsElement(office) {
  const items = returnItems(office.returns, office);
  return items.length === 0 ? null : part("Returns", "ul", items);
}

// To whom

function fulfilmentRows({ fulfilment, pickup_code, customer, contact, sold_at }, { placeOf }) {
  const isPickup = fulfilment.type === "pickup";
  const rows = [row("How", isPickup ? "Picked up at " : "Shipped", isPickup ? isolated(placeOf(fulfilment.location)) : "")];
  if (sold_at) rows.push(row("Sold at", isolated(placeOf(sold_at))));
  if (pickup_code !== null) rows.push(row("Pick-up code", isolated(pickup_code)));
  const personal = { Address: fulfilment.address, Customer: customer, Contact: contact };
  for (const [name, text] of Object.entries(personal)) {
    const lines = personalLines(text);
    if (lines.length > 0) rows.push(row(name, ...lines.map((line) => element("p", {}, isolated(line)))));
  }
  return rows;
}

// What happened

function historyOf(order, { numbers, nowMs }) {
  const events = [...order.events].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  return events.map(({ type, at, actor, lines, allocations, tenders }) => {
    const item = element(
      "li", {},
      element("time", { dateTime: at, textContent: numbers.time(at, nowMs) }),
      element("span", { className: "event", textContent: EVENT[type] }),
      element("span", { className: "detail" }, "by ", isolated(actor === "" ? "the hub" : actor)),
    );
    const about = lines?.map(({ sku, quantity }) => `${numbers.count(quantity)} of ${sku}`) ?? allocations;
    for (const { type: tender, amount_minor } of tenders ?? []) {
      const paid = numbers.money(amount_minor, order.currency);
      item.append(element("span", { className: "detail" }, `${TENDER[tender] ?? tender} `, isolated(paid)));
    }
    if (about) item.append(element("span", { className: "detail" }, isolated(about.join(", "))));
    return item;
  });
}
