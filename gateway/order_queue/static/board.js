/** The list: a part per thing that has to be done next, and a card per order. */

import { unitsOf } from "./changes.js";
import { element, fill, isolated } from "./elements.js";

/** The parts of the list, in the order of the work. */
export const STAGES = ["to_pick", "to_pack", "to_ship", "to_collect", "done"];

/** Shows all orders; whoever has waited longest stands first, and what left last. */
export function paintBoard(container, team) {
  const groups = STAGES.map((stage) => ({ stage, language: team.language }));
  fill(container, groups, ({ stage }) => stage, (group) => groupElement(group, team));
  for (const part of container.children) {
    const orders = ordersIn(team, part.dataset.key);
    part.hidden = orders.length === 0;
    part.querySelector(".count").textContent = team.numbers.count(orders.length);
    const cards = orders.map((order) => cardOf(order, team));
    fill(part.querySelector("ol"), cards, ({ id }) => id, (card) => cardElement(card, team));
    for (const card of part.querySelector("ol").children) markOpen(card, card.dataset.key === team.open);
  }
}

function markOpen(card, isOpen) {
  if (isOpen) card.setAttribute("aria-current", "true");
  else card.removeAttribute("aria-current");
}

function ordersIn({ orders }, stage) {
  const found = [...orders.values()].filter((order) => order.stage === stage);
  const latest = (one, other) => Date.parse(touchedAt(other)) - Date.parse(touchedAt(one));
  const oldest = (one, other) => Date.parse(one.placed_at) - Date.parse(other.placed_at);
  return found.sort(stage === "done" ? latest : oldest);
}

function groupElement({ stage }, { speaker }) {
  const title = element("span");
  speaker.say(title, { key: `stage_${stage}` });
  return element(
    "section", { data: { stage } },
    element("h3", {}, title, " ", element("span", { className: "count" })),
    element("ol"),
  );
}

/** When something was last done here; an order that was never kept here was only placed. */
const touchedAt = ({ touched_at, placed_at }) => touched_at ?? placed_at;

/** Everything that a card says, as it is now. */
function cardOf(order, team) {
  const { numbers, language, nowMs, sending } = team;
  const isDone = order.stage === "done";
  return {
    id: order.id,
    number: order.number,
    language,
    stage: order.stage,
    status: order.status,
    last_event: order.last_event,
    pickup: order.fulfilment.type === "pickup",
    units: unitsOf(order),
    picked: order.kept.filter((line) => line.picked === line.quantity).length,
    lines: order.kept.length,
    due: order.due_minor > 0 ? numbers.money(order.due_minor, order.currency) : null,
    who: typeof order.customer === "string" ? order.customer : order.customer?.name ?? "",
    when: isDone ? numbers.time(touchedAt(order), nowMs) : ageOf(order, team),
    waits: sending.has(order.id),
  };
}

/** What was last done here of an order of which nothing is left here: of a part, not of the whole. */
export function doneWords({ status, last_event }, speaker) {
  const key = `event_${last_event}`;
  return { key: speaker.has(key) ? key : `status_${status}` };
}

function ageOf({ placed_at }, { numbers, speaker, nowMs }) {
  const ageMs = nowMs - Date.parse(placed_at);
  return ageMs < 60_000 ? speaker.text({ key: "justNow" }) : numbers.age(ageMs);
}

function cardElement(card, { speaker, numbers }) {
  const said = (kind, className, message, data = {}) => {
    const made = element(kind, { className, data });
    speaker.say(made, message);
    return made;
  };
  const who = card.who === "" ? null : element("span", { className: "detail" }, isolated(card.who));
  const signs = [said("span", "way", { key: card.pickup ? "pickup" : "ship" }, { way: card.pickup ? "pickup" : "ship" })];
  if (card.stage === "done") signs.push(said("span", "detail", doneWords(card, speaker)));
  else signs.push(said("span", "detail", { key: "units", count: card.units, values: { units: numbers.count(card.units) } }));
  if (card.stage === "to_pick" && card.picked > 0) {
    const values = { picked: numbers.count(card.picked), lines: numbers.count(card.lines) };
    signs.push(said("span", "detail", { key: "partPicked", values }));
  }
  if (card.due !== null) signs.push(said("span", "due", { key: "dueShort", values: { amount: card.due } }));
  if (card.waits) signs.push(said("span", "detail", { key: "waits" }));
  const link = element(
    "a", { href: `#/order/${encodeURIComponent(card.id)}`, data: { focus: "card" } },
    element("span", { className: "number" }, isolated(card.number)),
    element("span", { className: "when" }, isolated(card.when)),
    element("span", { className: "signs" }, ...signs, ...(who === null ? [] : [who])),
  );
  return element("li", {}, link);
}
