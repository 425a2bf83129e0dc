/** The open order: what is kept here of it, and what can be told. */

import { doneWords } from "./board.js";
import { element, isolated } from "./elements.js";
import { eventOf, paymentOf } from "./telling.js";

/**
 * Which events have a button, in the order of the buttons; only those that the gateway allows are
 * shown. What comes back later is a return and has a desk of its own.
 */
const BUTTONS = [
  { event: "picked" },
  { event: "packed" },
  { event: "ready_for_pickup" },
  { event: "shipped" },
  { event: "delivered" },
  { event: "delivery_refused", asksTwice: true },
  { event: "uncollected", asksTwice: true },
  { event: "released", asksTwice: true },
  { event: "cancelled", asksTwice: true },
];

/** What stands beside the usual next step; all else is behind a fold. */
const BESIDE = {
  to_pick: [],
  to_pack: ["shipped"],
  to_ship: [],
  to_collect: ["uncollected"],
  done: ["delivered", "delivery_refused"],
};

/** Everything that the open order says, as it is now; said the same, it is left alone. */
export function shownOf(order, team) {
  const { ticked, missing, isHere } = team.draftOf(order.id);
  const sending = team.sending.get(order.id);
  return {
    order, language: team.language, ticked: [...ticked], missing: [...missing], isHere,
    waits: sending === undefined ? null : { event: sending.telling.type, tries: sending.tries },
    refused: team.refusals.get(order.id)?.() ?? null,
  };
}

/**
 * The order as an element.
 *
 * @param {object} shown  of `shownOf`
 * @param {object} team   `state.js`
 * @param {object} act    {tell(order, said), tick(order, sku), miss(order, sku, units), findHere(order), askNow()}
 */
export function orderElement(shown, team, act) {
  const { order } = shown;
  const say = sayerFor(team.speaker);
  return element(
    "article", { data: { stage: order.stage } },
    element("p", { className: "back" }, say("a", { key: "back" }, { href: "#/", data: { focus: "back" } })),
    element(
      "div", { className: "head" },
      element("h2", { tabIndex: -1, data: { focus: "title" } }, isolated(order.number)),
      say("span", order.stage === "done" ? doneWords(order, team.speaker) : { key: `stage_${order.stage}` }, { className: "badge" }),
    ),
    factsElement(order, team, say),
    dueElement(shown, team, act, say),
    order.kept.length > 0 ? linesElement(shown, team, act, say) : null,
    refusalElement(shown.refused, say),
    shown.waits === null ? actionsElement(shown, team, act, say) : waitingElement(shown.waits, team, act, say),
    historyElement(order, team, say),
  );
}

const sayerFor = (speaker) => (kind, message, properties) => {
  const made = element(kind, properties);
  speaker.say(made, message);
  return made;
};

// For whom, and what is to be paid

function factsElement({ fulfilment, customer, contact, placed_at }, { numbers, nowMs }, say) {
  const isPickup = fulfilment.type === "pickup";
  const row = (key, ...values) => element("div", {}, say("dt", { key }), element("dd", {}, ...values));
  const rows = [row("how", say("span", { key: isPickup ? "pickupLong" : "shipLong" }))];
  for (const [key, text] of Object.entries({ customer, contact, address: fulfilment.address })) {
    const lines = personalLines(text);
    if (lines.length > 0) rows.push(row(key, ...lines.map((line) => element("p", {}, isolated(line)))));
  }
  rows.push(row("placed", isolated(numbers.time(placed_at, nowMs))));
  return element("dl", {}, ...rows);
}

/** A text that a storefront wrote down: one, or several by name, of which the values are enough. */
function personalLines(text) {
  if (text === null || text === undefined) return [];
  const lines = typeof text === "string" ? text.split("\n") : Object.values(text);
  return lines.filter((line) => line.trim() !== "");
}

/** What is still to be paid, and the buttons that book it at a register here. */
function dueElement({ order, waits }, team, act, say) {
  if (order.due_minor === 0) return null;
  const values = { amount: team.numbers.money(order.due_minor, order.currency) };
  const box = element(
    "div", { className: "notice", data: { tone: "warn" } },
    say("p", { key: "due", values }, { className: "strong" }), say("p", { key: `due_${order.payment}` }),
  );
  if (waits !== null) return box;
  if (team.register === null) {
    box.append(say("p", { key: "dueAtTill" }, { className: "hint" }));
    return box;
  }
  const { speaker, register } = team;
  const button = (tender) => twice(
    { type: "button", textContent: speaker.text({ key: `pay_${tender}` }), data: { focus: tender } },
    speaker.text({ key: "surePaid", values }), () => act.tell(order, paymentOf(order, register, tender)),
  );
  box.append(element("div", { className: "actions" }, button("cash"), button("card")));
  box.append(say("p", { key: "dueBooked", values: { register } }, { className: "hint" }));
  return box;
}

// What is kept here

function linesElement(shown, team, act, say) {
  const { order } = shown;
  const canMiss = order.allowed_events.includes("short_picked");
  return element(
    "section", {},
    say("h3", { key: order.stage === "to_pick" ? "linesToPick" : "lines" }),
    element("ul", { className: "lines" }, ...order.kept.map((line) => lineElement(line, shown, team, act, say, canMiss))),
  );
}

function lineElement(line, shown, team, act, say, canMiss) {
  const { order } = shown;
  const isPicked = line.picked === line.quantity;
  const isToPick = order.stage === "to_pick" && !isPicked;
  const name = element("span", { className: "name" }, isolated(team.nameOf(line)));
  const many = element("span", { className: "many" }, quantityOf(line, line.quantity, team));
  const detail = element("span", { className: "detail" }, isolated(line.sku));
  if (!isToPick) {
    const mark = isPicked ? say("span", { key: "isPicked" }, { className: "done" }) : null;
    return element("li", {}, element("div", { className: "line" }, many, name, detail, mark));
  }
  const box = element("input", {
    type: "checkbox", checked: shown.ticked.includes(line.sku), disabled: shown.waits !== null,
    data: { focus: `tick ${line.sku}` }, on: { change: () => act.tick(order, line.sku) },
  });
  const item = element("li", {}, element("label", { className: "line" }, box, many, name, detail));
  if (canMiss) item.append(missingElement(line, shown, team, act, say));
  return item;
}

const quantityOf = ({ unit }, quantity, { speaker, numbers }) => {
  const name = speaker.text({ key: `unit_${unit}` });
  return isolated(`${numbers.count(quantity)}${name && ` ${name}`}`);
};

/** "2 missing": how many of a line are not on the shelf. */
function missingElement(line, { order, missing, waits }, team, act, say) {
  const units = new Map(missing).get(line.sku) ?? 0;
  const values = { product: team.nameOf(line) };
  const step = (text, key, change) => element("button", {
    type: "button", textContent: text, disabled: waits !== null || units + change < 0 || units + change > line.quantity,
    aria: { label: team.speaker.text({ key, values }) }, data: { focus: `${key} ${line.sku}` },
    on: { click: () => act.miss(order, line.sku, units + change) },
  });
  if (units === 0) {
    const none = say("button", { key: "missing" }, {
      type: "button", className: "quiet", disabled: waits !== null, data: { focus: `missMore ${line.sku}` },
      on: { click: () => act.miss(order, line.sku, 1) },
    });
    none.setAttribute("aria-label", team.speaker.text({ key: "missingOf", values }));
    return element("p", { className: "missing" }, none);
  }
  const field = element("input", {
    inputMode: "numeric", dir: "ltr", value: team.numbers.digits(units), disabled: waits !== null,
    aria: { label: team.speaker.text({ key: "missingOf", values }) }, data: { focus: `missing ${line.sku}` },
    on: { change: ({ target }) => { target.value = team.numbers.digits(act.miss(order, line.sku, target.value)); } },
  });
  return element(
    "p", { className: "missing" }, say("span", { key: "missing" }), step("−", "missLess", -1), field, step("+", "missMore", 1),
  );
}

// What can be told

function actionsElement(shown, team, act, say) {
  const { order } = shown;
  if (order.is_unsure && !shown.isHere) return doubtElement(order, team, act, say);
  const offered = BUTTONS.filter(({ event }) => order.allowed_events.includes(event) && isOffered(order, event));
  const nodes = (fits) => offered.filter(({ event }) => fits(event)).map((one) => buttonElement(one, shown, team, act));
  const isNext = (event) => event === order.next_event;
  const isBeside = (event) => !isNext(event) && BESIDE[order.stage].includes(event);
  const first = element("div", { className: "actions" });
  const behind = element("div", { className: "actions" });
  const short = [...shown.missing].filter(([, units]) => units > 0);
  if (short.length > 0) first.append(missingButton(order, short, team, act));
  if (order.allowed_events.includes("collected")) {
    (isNext("collected") ? first : behind).append(handOverElement(order, team, act, say));
  }
  if (short.length === 0) first.append(...nodes(isNext)); // not all is there: that is said first
  first.append(...nodes(isBeside));
  behind.append(...nodes((event) => !isNext(event) && !isBeside(event)));
  if (behind.childElementCount === 0) return first;
  const summary = say("summary", { key: "somethingElse" }, { data: { focus: "else" } });
  return element("div", {}, first, element("details", {}, summary, behind));
}

/** The box before this one may have handed it over: nothing is told before somebody says. */
function doubtElement(order, { speaker }, act, say) {
  const type = order.fulfilment.type === "pickup" ? "collected" : "shipped";
  const gone = { type: "button", textContent: speaker.text({ key: "wasHandedOver" }), data: { focus: "gone" } };
  const tell = () => act.tell(order, eventOf({ type, handed_over_before: true }));
  const here = say("button", { key: "isHere" }, {
    type: "button", className: "main", data: { focus: "here" }, on: { click: () => act.findHere(order) },
  });
  return element(
    "div", { className: "notice", data: { tone: "warn" } },
    say("p", { key: "doubt" }, { className: "strong" }), say("p", { key: "doubtDo" }),
    element("div", { className: "actions" }, here, twice(gone, speaker.text({ key: "sure_gone" }), tell)),
  );
}

/** An event of an order; of one that was in doubt with what somebody has said about it. */
const saidOf = (order, body) => eventOf(order.is_unsure ? { ...body, handed_over_before: false } : body);

/** What is behind is not offered again: a picked order is not picked, a packed one not packed. */
function isOffered({ stage, status }, event) {
  switch (event) {
    case "picked": return stage === "to_pick";
    case "packed": return stage !== "to_ship" && stage !== "to_collect";
    case "ready_for_pickup": return stage !== "to_collect";
    case "delivered": return stage === "done" && status !== "delivered";
    case "delivery_refused": return stage === "done" && status !== "returned";
    default: return true;
  }
}

function buttonElement({ event, asksTwice }, shown, team, act) {
  const { order } = shown;
  const key = event === "cancelled" && isPart(order) ? "do_cancelled_part" : `do_${event}`;
  const { body, words } = event === "picked" ? pickedOf(shown, team) : { body: { type: event }, words: { key } };
  const text = team.speaker.text(words);
  const properties = {
    type: "button", className: event === order.next_event ? "main" : "", textContent: text, data: { focus: event },
  };
  const tell = () => act.tell(order, saidOf(order, body));
  if (!asksTwice) return element("button", { ...properties, on: { click: tell } });
  return twice(properties, team.speaker.text({ key: `sure_${event}` }), tell);
}

/** Whether more of it is kept elsewhere, or has gone out: the shop speaks for what it keeps alone. */
export function isPart({ allocations, kept }) {
  const units = (all) => all.reduce((sum, { quantity }) => sum + quantity, 0);
  return units(allocations.filter(({ state }) => state === "committed" || state === "fulfilled")) > units(kept);
}

/** What the button for "picked" means: the ticked lines, or everything where none or all are. */
function pickedOf({ order, ticked }, { speaker, numbers }) {
  const open = order.kept.filter(({ picked, quantity }) => picked < quantity);
  const chosen = open.filter(({ sku }) => ticked.includes(sku));
  if (chosen.length === 0 || chosen.length === open.length) {
    const isTicked = chosen.length > 0;
    return { body: { type: "picked" }, words: { key: isTicked ? "do_picked" : "do_picked_all" } };
  }
  const lines = chosen.map(({ sku, quantity, picked }) => ({ sku, quantity: quantity - picked }));
  const values = { some: numbers.count(chosen.length), all: numbers.count(open.length) };
  return { body: { type: "picked", lines }, words: { key: "do_picked_some", values } };
}

function missingButton(order, short, { speaker, numbers }, act) {
  const count = short.reduce((sum, [, units]) => sum + units, 0);
  const lines = short.map(([sku, quantity]) => ({ sku, quantity }));
  const text = speaker.text({ key: "do_short", count, values: { units: numbers.count(count) } });
  const properties = { type: "button", className: "warn", textContent: text, data: { focus: "short" } };
  const tell = () => act.tell(order, saidOf(order, { type: "short_picked", lines }));
  return twice(properties, speaker.text({ key: "sure_short" }), tell);
}

/** The field for what the customer shows, and the button that hands the goods over against it. */
function handOverElement(order, team, act, say) {
  const draft = team.draftOf(order.id);
  const field = element("input", {
    id: "pickup-code", autocomplete: "off", autocapitalize: "characters", spellcheck: false, dir: "ltr",
    required: true, maxLength: 64, value: draft.code, data: { focus: "code" },
    on: { input: ({ target }) => { draft.code = target.value; } },
  });
  return element(
    "form", {
      className: "hand-over",
      on: {
        submit: (event) => {
          event.preventDefault();
          const code = draft.code.trim();
          if (code !== "") act.tell(order, saidOf(order, { type: "collected", pickup_code: code }));
        },
      },
    },
    say("label", { key: "pickupCode" }, { htmlFor: "pickup-code" }), field,
    say("button", { key: "do_collected" }, { className: order.next_event === "collected" ? "main" : "", data: { focus: "collected" } }),
    say("p", { key: "pickupCodeHint" }, { className: "hint" }),
  );
}

/** A button that asks once more: its second press acts. */
function twice(properties, sure, press) {
  let armed = false;
  return element("button", {
    ...properties,
    on: {
      click: ({ target }) => {
        if (armed) press();
        armed = !armed;
        target.textContent = armed ? sure : properties.textContent;
      },
      blur: ({ target }) => {
        armed = false;
        target.textContent = properties.textContent;
      },
    },
  });
}

function refusalElement(refused, say) {
  if (refused === null) return null;
  return element(
    "div", { className: "notice", role: "alert", data: { tone: "bad" } },
    say("p", refused.title, { className: "strong" }), ...refused.sentences.map((sentence) => say("p", sentence)),
  );
}

/** An event is on its way; after the first try without an answer it is said what that means. */
function waitingElement({ event, tries }, { numbers }, act, say) {
  const box = element("div", { className: "notice", role: "status", data: { tone: "idle" } });
  const values = { event: { key: `event_${event}` } };
  box.append(say("p", { key: tries === 0 ? "sending" : "unanswered", values }, { className: "strong" }));
  if (tries === 0) return box;
  box.append(
    say("p", { key: "unansweredDo" }),
    say("p", { key: "tries", count: tries, values: { units: numbers.count(tries) } }),
    say("button", { key: "askNow" }, { type: "button", data: { focus: "ask" }, on: { click: act.askNow } }),
  );
  return box;
}

// What happened

function historyElement(order, { speaker, numbers, nowMs }, say) {
  const events = [...order.events].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  const items = events.map(({ type, at, actor, lines }) => {
    const about = (lines ?? []).map(({ sku, quantity }) => `${numbers.count(quantity)} × ${sku}`).join(", ");
    const who = actor === "" || actor === "program" ? null : element("span", { className: "detail" }, isolated(actor));
    return element(
      "li", {},
      element("time", { dateTime: at }, isolated(numbers.time(at, nowMs))),
      eventElement(type, speaker, say),
      about === "" ? null : element("span", { className: "detail" }, isolated(about)),
      who,
    );
  });
  return element(
    "details", { className: "history" }, say("summary", { key: "history" }, { data: { focus: "history" } }), element("ol", {}, ...items),
  );
}

/** An event in words; a newer gateway may have one that this page does not know. */
function eventElement(type, speaker, say) {
  const key = `event_${type}`;
  return speaker.has(key) ? say("span", { key }, { className: "event" }) : element("span", { className: "event" }, isolated(type));
}
