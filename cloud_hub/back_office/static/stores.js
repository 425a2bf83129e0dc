/** The stores: how each is linked, and what boxes still hold that are gone. */

import { element, isolated } from "./elements.js";
import { LIFE, LINK } from "./words.js";

const SKUS_SHOWN = 5; // of a life; the others are counted

/**
 * Reads the lives of stores' boxes: of those with something unsettled, and of those that are wanted.
 *
 * @param {(path: string) => Promise<object | null>} read
 */
export function livesReader(read) {
  const known = new Map(); // of a store: its lives, and what was heard of it when they were read

  /** What is shown of a location. Its lives are read anew once more was heard of it. */
  async function shown({ id, name, link, journal, unsettled }) {
    const heard = JSON.stringify([journal, unsettled]);
    const before = known.get(id);
    if (before?.heard !== heard && (before !== undefined || unsettled.length > 0)) {
      const found = await read(`/v1/locations/${encodeURIComponent(id)}`);
      if (found !== null) known.set(id, { heard, lives: found.lives });
    }
    const last_heard = link.state === "connected" ? null : link.last_heard; // a beat is no news
    const { writer } = journal;
    return { id, name, link: { ...link, last_heard }, writer, lives: known.get(id)?.lives ?? null };
  }

  return { shown, want: (id) => known.set(id, { heard: null, lives: [] }), forget: () => known.clear() };
}

/** Locations by id as a list, those first of which a box may still tell something. */
export function unsettledFirst(locations) {
  const isSettled = ({ unsettled }) => Number(unsettled.length === 0);
  return [...locations.values()].sort((one, other) => isSettled(one) - isSettled(other));
}

/** Whether a store's gateway is not its first box. */
const hadBoxes = ({ writer }) => writer !== null && !writer.endsWith(".1");

/**
 * A store as an element.
 *
 * @param {object} store    {id, name, link, writer, lives}; `lives` is null until they are read
 * @param {object} office   {numbers, nowMs, decides}
 * @param {object} act      {attest(store, life), showBoxes(store)}
 */
export function storeElement(store, office, act) {
  const { name, tone } = LINK[store.link.state];
  const item = element(
    "li", {},
    element("div", { className: "head" }, element("h3", {}, isolated(store.name)), badge(name, tone)),
    element("p", { className: "detail" }, linkWords(store, office), store.writer === null ? "no gateway yet" : "gateway ", isolated(store.writer ?? "")),
  );
  if (store.lives !== null) {
    item.append(element("ul", {}, ...store.lives.map((life) => lifeElement(store, life, office, act))));
  } else if (hadBoxes(store)) {
    item.append(element("button", {
      type: "button", textContent: "The boxes before it", data: { focus: "boxes" }, on: { click: () => act.showBoxes(store) },
    }));
  }
  return item;
}

const badge = (textContent, tone) => element("span", { className: "badge", textContent, data: { tone } });
const detail = (...parts) => element("p", { className: "detail" }, ...parts);

function linkWords({ link }, { numbers, nowMs }) {
  const since = link.since === null ? "" : `since ${numbers.time(link.since, nowMs)} · `;
  return link.last_heard === null ? since : `${since}last heard ${numbers.time(link.last_heard, nowMs)} · `;
}

function lifeElement(store, life, office, act) {
  const { writer, state, branch_of, waits_for } = life;
  const { name, tone } = LIFE[state];
  const item = element(
    "li", {},
    element("p", { className: "head" }, element("strong", {}, isolated(writer)), badge(name, tone)),
    detail(heardWords(life, office)),
  );
  if (branch_of !== null) item.append(detail("what was done on an old image of ", isolated(branch_of)));
  if (life.ended_by !== null) item.append(detail("by ", isolated(life.ended_by), ": ", isolated(life.reason ?? "")));
  if (life.frozen_units > 0) item.append(heldElement(life, office));
  if (state !== "open") return item;
  item.append(element("p", { className: "means", textContent: waits_for.length > 0 ? "First:" : "Nothing speaks against it any more." }));
  if (waits_for.length > 0) item.append(element("ul", { className: "waits" }, ...waits_for.map((one) => element("li", {}, isolated(one)))));
  if (office.decides) {
    item.append(element("button", {
      type: "button", className: waits_for.length > 0 ? "" : "main", textContent: "Attest that it is gone",
      data: { focus: `attest ${writer}` }, on: { click: () => act.attest(store, life) },
    }));
  }
  return item;
}

function heardWords({ last_seq, last_heard, fenced_at }, { numbers, nowMs }) {
  const heard = last_heard === null ? "" : `, last heard ${numbers.time(last_heard, nowMs)}`;
  const ended = fenced_at === null ? "" : `replaced ${numbers.time(fenced_at, nowMs)} · `;
  return `${ended}at the hub up to entry ${numbers.count(last_seq)}${heard}`;
}

/** What it holds, what is not counted yet first. */
function heldElement({ frozen_units, frozen }, { numbers }) {
  const skus = [...frozen].sort((one, other) => Number(one.is_counted) - Number(other.is_counted));
  const shown = skus.slice(0, SKUS_SHOWN).map(
    ({ sku, units, held, is_counted }) => `${numbers.count(units + held)} of ${sku}${is_counted ? " (counted)" : ""}`,
  );
  if (skus.length > SKUS_SHOWN) shown.push(`and ${numbers.count(skus.length - SKUS_SHOWN)} more`);
  return element(
    "p", {}, `${numbers.count(frozen_units)} units are frozen, nobody may sell them: `, isolated(shown.join(", ")),
  );
}
