/** The screen: what the shop looks like. Reads `visit` (`state.js`), changes nothing in it. */

import { at, element, fill, isolated } from "./elements.js";
import { paintNotice } from "./speech.js";
import { countdown, hasAll, lacking, offered, stockWords } from "./stock.js";

/** Shows the visit. `act` has what the buttons of products and lines do. */
export function paint(visit, act) {
  document.body.dataset.state = visit.state;
  for (const part of document.querySelectorAll("[data-in]")) {
    part.hidden = !part.dataset.in.split(" ").includes(visit.state);
  }
  paintNotice(visit.notice, visit.speaker);
  PARTS[visit.state]?.(visit, act);
}

function said(visit, kind, message, properties) {
  const made = element(kind, properties);
  visit.speaker.say(made, message);
  return made;
}

const PARTS = {
  browsing(visit, act) {
    paintCatalogue(visit, act);
    paintBasket(visit, act);
    paintMine(visit);
  },
  checkout: paintCheckout,
  placing(visit) {
    paintCheckout(visit);
    visit.speaker.say(at("placing-words"), { key: visit.tries === 0 ? "placing" : "unanswered" });
  },
  ordered: paintOrder,
};

// The catalogue

const measured = ({ speaker, numbers }, product, quantity) => {
  const unit = speaker.text({ key: `unit_${product.unit}` });
  return `${numbers.count(quantity)}${unit && ` ${unit}`}`;
};

/** The products that are looked for: all, without words; by name or whole SKU, with them. */
export function found(visit) {
  const wanted = visit.find.trim().toLowerCase();
  return [...visit.products.values()].filter((product) => (
    product.sku.toLowerCase() === wanted || visit.nameOf(product).toLowerCase().includes(wanted)
  ));
}

function paintCatalogue(visit, act) {
  const all = found(visit);
  const items = all.slice(0, visit.shown).map((product) => {
    const units = offered(product, visit.stock);
    const steps = units === null ? null : Math.floor(units / product.price_per_quantity);
    const words = stockWords(steps, visit.seen.get(product.sku) ?? 0, visit.numbers);
    return { product, words, language: visit.language };
  });
  fill(at("products"), items, ({ product }) => product.sku, (item) => productElement(visit, item, act));
  at("more").hidden = all.length <= visit.shown;
}

function productElement(visit, { product, words }, act) {
  const { speaker, numbers } = visit;
  const name = visit.nameOf(product);
  const price = {
    key: product.price_per_quantity === 1 ? "each" : "per",
    values: {
      price: numbers.money(product.online_price_minor ?? product.price_minor, product.currency),
      quantity: measured(visit, product, product.price_per_quantity),
    },
  };
  const isGone = words !== null && (words.key === "soldOut" || words.key === "goneMeanwhile");
  const add = said(visit, "button", { key: "add" }, {
    type: "button", disabled: isGone, data: { focus: "add" },
    aria: { label: speaker.text({ key: "addOf", values: { product: name } }) },
    on: { click: () => act.add(product, 1) },
  });
  return element(
    "li", { data: { gone: String(isGone) } },
    element("h3", {}, isolated(name)),
    element("p", { className: "detail" }, isolated(product.sku)),
    said(visit, "p", price, { className: "price" }),
    words === null ? null : said(visit, "p", words, { className: "stock", data: { tone: isGone ? "bad" : words.key === "left" ? "warn" : "good" } }),
    add,
  );
}

// The basket

function paintBasket(visit, act) {
  const { basket, speaker, products } = visit;
  at("basket-empty").hidden = basket.length > 0;
  at("basket-form").hidden = basket.length === 0;
  const lacks = new Map(lacking(basket, products, visit.stock).map(({ sku, units }) => [sku, units]));
  const items = basket.map((line, place) => ({
    ...line, lacks: lacks.get(line.sku) ?? null, language: visit.language,
    amount: visit.quote?.lines[place]?.sku === line.sku ? visit.quote.lines[place] : null,
  }));
  fill(at("lines"), items, ({ sku }) => sku, (item) => lineElement(visit, item, act));
  paintSums(visit, at("sums"));
  if (visit.quoteProblem !== null) {
    speaker.say(at("quote-said"), { key: "noPrice", values: { why: visit.quoteProblem } });
  } else if (visit.quote === null && basket.length > 0) speaker.say(at("quote-said"), { key: "asking" });
  else at("quote-said").textContent = "";
  at("check-out").disabled = visit.quote === null || lacks.size > 0;
  paintPlaces(visit);
}

function lineElement(visit, { sku, quantity, lacks, amount }, act) {
  const product = visit.products.get(sku);
  const values = { product: visit.nameOf(product) };
  const step = (direction, key, text) => element("button", {
    type: "button", textContent: text, data: { focus: key },
    aria: { label: visit.speaker.text({ key, values }) },
    on: { click: () => act.add(product, direction) },
  });
  const item = element(
    "li", {},
    element("p", { className: "name" }, isolated(values.product)),
    element("div", { className: "quantity" },
      step(-1, "less", "−"), element("span", {}, isolated(measured(visit, product, quantity))), step(1, "more", "+")),
    element("p", { className: "amount" }, amount === null ? null : isolated(visit.numbers.money(amount.total_minor, visit.quote.currency))),
  );
  for (const { name, amount_minor } of amount?.discounts ?? []) {
    item.append(element("p", { className: "discount" }, isolated(name), " ", isolated(visit.numbers.money(-amount_minor, visit.quote.currency))));
  }
  if (lacks !== null) {
    const message = lacks === 0 ? { key: "lineGone" }
      : { key: "lineLacks", count: lacks, values: { units: measured(visit, product, lacks) } };
    item.append(said(visit, "p", message, { className: "lacks" }));
  }
  return item;
}

function paintSums(visit, list) {
  const { quote, numbers } = visit;
  if (quote === null) {
    list.replaceChildren();
    return;
  }
  const row = (key, minor, className) => element(
    "div", { className }, said(visit, "dt", { key }), element("dd", {}, isolated(numbers.money(minor, quote.currency))),
  );
  list.replaceChildren(row("total", quote.total_minor, "total"), row("tax", quote.tax_minor, ""));
}

function paintPlaces(visit) {
  const { basket, products, stock, points, way, speaker } = visit;
  at("pickup-place").hidden = way.type !== "pickup";
  at("place-facts").replaceChildren(...factRows(visit, pointFacts(points.get(way.location))));
  const chosen = at("place").value;
  const options = [...points.values()].map(({ id, name }) => {
    const key = hasAll(basket, products, stock, id) ? "placeHas" : "placeLacks";
    return new Option(speaker.text({ key, values: { place: name } }), id);
  });
  const said = JSON.stringify(options.map(({ text }) => text));
  if (at("place").dataset.said === said) return;
  at("place").dataset.said = said;
  at("place").replaceChildren(...options);
  if (chosen !== "") at("place").value = chosen;
}

/** What is known of a pick-up point, for `factRows`. */
function pointFacts(point) {
  return [["address", point?.address], ["hours", point?.hours]].filter(([, text]) => text);
}

function factRows(visit, rows) {
  return rows.map(([name, text]) => element(
    "div", {}, said(visit, "dt", { key: name }), element("dd", {}, isolated(text)),
  ));
}

function paintMine({ mine }) {
  at("mine").hidden = mine.length === 0;
  fill(at("my-orders"), mine, ({ id }) => id, ({ id, number }) => element(
    "li", {}, element("a", { href: `#/order/${encodeURIComponent(id)}`, data: { focus: "order" } }, isolated(number)),
  ));
}

// The checkout

function paintCheckout(visit) {
  const { speaker, numbers, quote, basket, expired, way, state } = visit;
  paintCountdown(visit);
  at("details").hidden = expired || state === "placing";
  at("expired").hidden = !expired || state === "placing";
  at("address-part").hidden = way.type !== "ship";
  at("address").required = way.type === "ship";
  const lines = basket.map(({ sku, quantity }) => ({ sku, quantity, language: visit.language }));
  fill(at("summary"), lines, ({ sku }) => sku, ({ sku, quantity }) => element(
    "li", {}, isolated(measured(visit, visit.products.get(sku), quantity)), " × ", isolated(visit.productName(sku)),
  ));
  paintSums(visit, at("checkout-sums"));
  paintPayments(visit);
  const total = quote === null ? "" : numbers.money(quote.total_minor, quote.currency);
  speaker.say(at("order-now"), { key: "orderNow", values: { total } });
  at("order-now").disabled = quote === null;
}

/** The countdown by the hub's clock; whoever cannot see it hears of each minute. */
export function paintCountdown({ speaker, numbers, reservation, expired, state, asker }) {
  if (expired) {
    speaker.say(at("countdown"), { key: "expired" });
    speaker.say(at("countdown-spoken"), { key: "expired" });
    return;
  }
  if (reservation === null || state === "placing") {
    at("countdown").textContent = "";
    return;
  }
  const [minutes, seconds] = countdown(Date.parse(reservation.expires_at) - asker.nowMs());
  const padded = seconds < 10 ? `${numbers.digits(0)}${numbers.digits(seconds)}` : numbers.digits(seconds);
  speaker.say(at("countdown"), { key: "setAside", values: { time: `${numbers.digits(minutes)}:${padded}` } });
  if (seconds === 0) {
    speaker.say(at("countdown-spoken"), { key: "setAsideSpoken", count: minutes, values: { units: numbers.count(minutes) } });
  }
}

function paintPayments({ speaker, way, language }) {
  const kinds = ["paid", "pending", way.type === "ship" ? "on_delivery" : "on_collection"];
  const said = `${language} ${kinds}`;
  if (at("payment").dataset.said === said) return;
  at("payment").dataset.said = said;
  at("payment").replaceChildren(...kinds.map((kind) => new Option(speaker.text({ key: `pay_${kind}` }), kind)));
}

// The order

const OVER = new Set(["delivered", "collected", "cancelled", "returned", "cancel_requested", "shipped"]);

function paintOrder(visit) {
  const { speaker, numbers, order } = visit;
  speaker.say(at("ordered-title"), { key: "ordered", values: { number: order.number } });
  const isPending = order.payment === "pending" && !order.events.some(({ type }) => type === "paid");
  const key = order.status === "new" && !isPending ? "status_new_later" : `status_${order.status}`;
  speaker.say(at("order-status"), { key });
  const rows = [["total", numbers.money(order.total_minor, order.currency)]];
  const { type, location } = order.fulfilment;
  if (type === "pickup") rows.push(["pickedUpAt", visit.placeName(location)], ...pointFacts(visit.points.get(location)));
  else rows.push(["from", [...new Set(order.allocations.map(({ location }) => visit.placeName(location)))].join(", ")]);
  if (order.pickup_code !== null) rows.push(["code", order.pickup_code]);
  at("order-facts").replaceChildren(...factRows(visit, rows));
  at("pay-now").hidden = !isPending || OVER.has(order.status);
  at("cancel").hidden = OVER.has(order.status) || order.status === "expired";
}
