/**
 * The back office: what can be done on the page, and what comes of it.
 *
 * The address says what is shown (`#/orders`, `#/order/ID`, `#/shortages`, `#/stores`), so the
 * browser's own way back works. News only say that something changed; what is on the screen is then
 * read anew, and what says the same stays untouched (`elements.js`).
 */

import { Refused, Unanswered, askerFor, onceFor } from "./asking.js";
import { at, fill } from "./elements.js";
import { followed, listen } from "./live.js";
import { numbersFor } from "./numbers.js";
import { orderElement } from "./order.js";
import { queuePath, queueSaid, rowElement } from "./queue.js";
import { returnPaths } from "./returns.js";
import { shortageElement } from "./shortages.js";
import { livesReader, storeElement, unsettledFirst } from "./stores.js";
import { whyDialog } from "./why.js";
import { STATUS, refusalWords } from "./words.js";

const TOKEN = "countertop.office.token";
const RETRY_MS = 3_000;
const TYPING_MS = 300;
const STORES_MS = 5_000; // no news tell of a link that falls
const SHORTAGES_MAX = 100; // shown at once; what is settled makes room
const LOCATIONS_MAX = 500;
const NO_RETURNS = { announced: [], taken: [] };

const facts = JSON.parse(document.documentElement.dataset.office);

/** Everything that is known here. */
const office = {
  who: null, // {id, role, name, writer}
  asker: null,
  live: null,
  numbers: numbersFor("en", facts),
  locations: new Map(),
  placeOf: (id) => office.locations.get(id)?.name ?? id,
  actions: facts.actions,
  wanted: null, // what the queue is filtered by; news read with it, whatever is being typed
  cursors: [null], // of the pages of the queue up to the one that is shown
  next: null,
  open: null, // the id of the open order
  returns: NO_RETURNS, // what came back of it, and what will
  once: null, // asks for a change (`onceFor`)
  get nowMs() {
    return this.asker.nowMs();
  },
  get tells() {
    return facts.tells.includes(this.who.role);
  },
  get decides() {
    return facts.decides.includes(this.who.role);
  },
  get seesShortages() {
    return facts.sees_shortages.includes(this.who.role);
  },
  get seesStores() {
    return facts.sees_stores.includes(this.who.role);
  },
};

// What is shown

function show(view) {
  document.body.dataset.view = view;
  for (const part of document.querySelectorAll("[data-in]")) {
    part.hidden = !part.dataset.in.split(" ").includes(view);
  }
  for (const [id, views] of [["to-orders", ["queue", "order"]], ["to-shortages", ["shortages"]], ["to-stores", ["stores"]]]) {
    if (views.includes(view)) at(id).setAttribute("aria-current", "page");
    else at(id).removeAttribute("aria-current");
  }
}

/** Shows what the address says. */
async function route() {
  if (office.who === null) {
    show("signingIn");
    at("token").focus();
    return;
  }
  const [, kind, id] = location.hash.split("/");
  quiet();
  if (kind === "shortages") {
    show("shortages");
    readShortages();
    return;
  }
  if (kind === "stores") {
    show("stores");
    follow.stores();
    return;
  }
  const opened = kind === "order" ? decodeURIComponent(id) : null;
  if (opened !== office.open) {
    at("order-shown").replaceChildren();
    office.returns = NO_RETURNS;
  }
  office.open = opened;
  show(opened === null ? "queue" : "order");
  markOpen();
  if (opened === null) at("order-said").textContent = "Choose an order to see it here.";
  else if (await readOrder()) at("order-shown").querySelector("h2").focus({ preventScroll: true });
}

function tell(title, more = "", tone = "bad") {
  at("notice").hidden = false;
  at("notice").dataset.tone = tone;
  at("notice-title").textContent = title;
  at("notice-more").textContent = more;
}

function quiet() {
  at("notice").hidden = true;
}

/** Says what became of a request; a token that is not known any more is forgotten. */
function tellProblem(error) {
  if (error instanceof Unanswered) {
    tell("The hub does not answer.", "Nobody knows whether it was done. Do it again: it is the same request, and it happens once.", "warn");
    return;
  }
  const { title, more } = refusalSaid(error);
  tell(title, more);
}

function refusalSaid(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.slug === "unauthenticated" && office.who !== null) signOut();
  return refusalWords(error, office.placeOf);
}

function paintContact(state) {
  const words = { waiting: "", live: "Live", lost: "No contact with the hub. What is shown may be old. Trying again." };
  at("contact").dataset.live = state;
  at("contact").textContent = words[state];
}

// Signing in

async function signIn(token) {
  if (office.who !== null || token === "") return;
  const asker = askerFor(token);
  let who;
  try {
    who = await asker.get("/v1/token");
  } catch (error) {
    notSignedIn(error, token);
    return;
  }
  sessionStorage.setItem(TOKEN, token);
  const once = onceFor(asker, "office");
  Object.assign(office, { who, asker, once, wanted: null, cursors: [null] });
  at("sign-in").reset();
  at("who").textContent = `${who.name} (${who.role})`;
  office.live = listen(token, hear, contact);
  quiet();
  await readLocations();
  route();
  readQueue();
  countShortages();
}

function notSignedIn(error, token) {
  if (error instanceof Unanswered && sessionStorage.getItem(TOKEN) === token) {
    tell("The hub does not answer.", "It is asked again.", "warn"); // a reload while it was away
    setTimeout(() => signIn(token), RETRY_MS);
    return;
  }
  if (error instanceof Unanswered) {
    tell("The hub does not answer.", "Try again in a moment.", "warn");
    return;
  }
  sessionStorage.removeItem(TOKEN);
  tellProblem(error);
}

function signOut() {
  office.live.stop();
  sessionStorage.removeItem(TOKEN);
  why.close();
  lives.forget();
  Object.assign(office, { who: null, asker: null, open: null, locations: new Map() });
  for (const id of ["queue-list", "order-shown", "shortages-list", "stores-list"]) at(id).replaceChildren();
  at("filters").reset();
  at("who").textContent = "";
  paintContact("waiting");
  location.hash = "";
  route();
}

// Reading

/** A reader that only the latest answer comes out of; `said` is where a failure is told. */
function readerFor(said) {
  let latest = 0;
  return async (path) => {
    latest += 1;
    const mine = latest;
    try {
      const answer = await office.asker.get(path);
      return mine === latest && office.who !== null ? answer : null;
    } catch (error) {
      if (mine === latest && office.who !== null) failed(error, said);
      return null;
    }
  };
}

function failed(error, said) {
  if (error instanceof Unanswered) {
    at(said).textContent = "The hub does not answer. What is shown may be old.";
    at("queue-again").hidden = false;
    return;
  }
  tellProblem(error);
}

const readers = {
  queue: readerFor("queue-said"),
  order: readerFor("order-said"),
  announced: readerFor("order-said"),
  taken: readerFor("order-said"),
  shortages: readerFor("shortages-said"),
  count: readerFor("shortages-said"),
  locations: readerFor("queue-said"),
  stores: readerFor("stores-said"),
};

const lives = livesReader(readers.stores);

function filters() {
  return Object.fromEntries(["text", "status", "location", "newest"].map((id) => [id, at(id).value]));
}

async function readQueue() {
  const wanted = (office.wanted ??= filters());
  if (at("queue-list").childElementCount === 0) at("queue-said").textContent = "Reading.";
  const page = await readers.queue(queuePath(wanted, office.cursors.at(-1)));
  if (page === null) return;
  office.next = page.next_cursor;
  at("queue-said").textContent = queueSaid(page, wanted);
  at("queue-again").hidden = true;
  fill(at("queue-list"), page.items, ({ id }) => id, (order) => rowElement(order, office));
  at("page-before").disabled = office.cursors.length === 1;
  at("page-after").disabled = office.next === null;
  markOpen();
}

function markOpen() {
  for (const item of at("queue-list").children) {
    if (item.dataset.key === office.open) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
}

/** Reads the open order; true when it is on the screen. */
async function readOrder() {
  const { open } = office;
  if (open === null) return false;
  if (at("order-shown").childElementCount === 0) at("order-said").textContent = "Reading.";
  await readLocations();
  const paths = returnPaths(open);
  const [order, announced, taken] = await Promise.all([
    readers.order(`/v1/orders/${encodeURIComponent(open)}`), readers.announced(paths.announced), readers.taken(paths.taken),
  ]);
  if (order === null || office.open !== open) return false;
  office.returns = { announced: announced?.items ?? [], taken: taken?.items ?? [] };
  showOrder(order);
  return true;
}

/** What the stores' links say belongs to it: a cancel waits for those that are cut off. */
function showOrder(order) {
  at("order-said").textContent = "";
  const places = order.allocations.map((one) => office.locations.get(one.location));
  const links = places.map((place) => place?.link.state ?? null);
  fill(at("order-shown"), [{ order, links, returns: office.returns }], () => order.id, () => orderElement(order, office, act));
}

async function readShortages() {
  if (!office.seesShortages) {
    at("shortages-said").textContent = `A token of the role ${office.who.role} does not see shortages.`;
    return;
  }
  const asked = new URLSearchParams({ state: at("shortage-state").value, limit: SHORTAGES_MAX });
  if (at("shortage-location").value !== "") asked.set("location", at("shortage-location").value);
  if (at("shortages-list").childElementCount === 0) at("shortages-said").textContent = "Reading.";
  const page = await readers.shortages(`/v1/shortages?${asked}`);
  if (page === null) return;
  const more = page.next_cursor === null ? "" : `These are the oldest ${SHORTAGES_MAX}; there are more.`;
  at("shortages-said").textContent = page.items.length === 0 ? "There is none." : more;
  fill(at("shortages-list"), page.items, ({ id }) => id, (item) => shortageElement(item, office, act));
}

/** How many are open, for the way there. */
async function countShortages() {
  if (!office.seesShortages) return;
  const page = await readers.count(`/v1/shortages?state=open&limit=${SHORTAGES_MAX}`);
  if (page === null) return;
  const many = `${page.items.length}${page.next_cursor === null ? "" : "+"}`;
  at("shortages-open").textContent = page.items.length === 0 ? "" : `(${many})`;
}

async function readLocations() {
  const page = await readers.locations(`/v1/locations?limit=${LOCATIONS_MAX}`);
  if (page === null) return;
  office.locations = new Map(page.items.map((one) => [one.id, one]));
  const unsettled = page.items.filter((one) => one.unsettled.length > 0).length;
  at("stores-unsettled").textContent = unsettled === 0 || !office.seesStores ? "" : `(${unsettled})`;
  for (const id of ["location", "shortage-location"]) {
    const known = new Set([...at(id).options].map(({ value }) => value));
    for (const { id: place, name } of page.items) {
      if (!known.has(place)) at(id).append(new Option(name, place));
    }
  }
}

async function readStores() {
  if (!office.seesStores) {
    at("stores-said").textContent = `A token of the role ${office.who.role} does not see stores.`;
    return;
  }
  await readLocations();
  const stores = [];
  for (const one of unsettledFirst(office.locations)) stores.push(await lives.shown(one));
  if (!isSignedIn()) return;
  at("stores-said").textContent = stores.length === 0 ? "There is no store yet." : "";
  fill(at("stores-list"), stores, ({ id }) => id, (store) => storeElement(store, office, act));
}

// Doing

async function doing(ask) {
  quiet();
  try {
    await ask();
  } catch (error) {
    tellProblem(error);
  }
}

const act = {
  tell: (order, type) => doing(async () => {
    showOrder(await office.once(`/v1/orders/${encodeURIComponent(order.id)}/events`, { type }));
  }),
  reallocate: (order, { id }, location) => doing(async () => {
    const body = location === "" ? { allocation: id } : { allocation: id, location };
    showOrder(await office.once(`/v1/orders/${encodeURIComponent(order.id)}/reallocate`, body));
  }),
  resolve: (item, body) => doing(async () => {
    await office.once(`/v1/shortages/${encodeURIComponent(item.id)}/resolve`, body);
    readShortages();
  }),
  attest: ({ id, name }, { writer }) => why.open({
    key: writer, title: `Attest that ${writer} is gone?`, label: `Attest that ${writer} is gone`, id, name, writer,
  }),
  showBoxes: ({ id }) => {
    lives.want(id);
    follow.stores();
  },
};

const why = whyDialog({
  ask: ({ id, writer }, reason) => office.once(`/v1/locations/${encodeURIComponent(id)}/attest`, { writer, reason }),
  done: ({ name, writer }, { reclaimed_units }) => {
    tell(`${writer} is attested to be gone.`, `${name} has ${office.numbers.count(reclaimed_units)} units back.`, "good");
    follow.stores();
  },
  refusal: (error) => Object.values(refusalSaid(error)).join(" "),
  unanswered: "The hub does not answer. Nobody knows whether it was done. Press again: it is the same request, and it happens once.",
  tell: (text, tone) => tell(text, "", tone),
});

// News

const isSignedIn = () => office.who !== null;

const follow = {
  orders: followed(() => Promise.all([readQueue(), readOrder()]), isSignedIn),
  shortages: followed(async () => {
    await countShortages();
    if (document.body.dataset.view === "shortages") await readShortages();
  }, isSignedIn),
  stores: followed(readStores, isSignedIn),
};

function hear({ topics }) {
  for (const topic of topics) follow[topic]();
}

function contact(connected) {
  paintContact(connected ? "live" : "lost");
  if (connected) hear({ topics: ["orders", "shortages"] }); // news may have been missed
}

/** No news tell of links, nor of what was counted somewhere. */
function lookAtStores() {
  if (isSignedIn() && document.body.dataset.view === "stores" && !document.hidden) follow.stores();
}

// Keys and buttons

function filtered() {
  office.wanted = filters();
  office.cursors = [null];
  readQueue();
}

let typing = null;
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filtered, TYPING_MS);
});
for (const id of ["status", "location", "newest"]) at(id).addEventListener("change", filtered);
at("page-after").addEventListener("click", () => {
  office.cursors.push(office.next);
  readQueue();
});
at("page-before").addEventListener("click", () => {
  office.cursors.pop();
  readQueue();
});
at("queue-again").addEventListener("click", readQueue);
at("shortage-filters").addEventListener("submit", (event) => event.preventDefault());
at("shortage-filters").addEventListener("change", readShortages);
at("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(at("token").value.trim());
});
at("sign-out").addEventListener("click", () => {
  quiet();
  signOut();
});
addEventListener("hashchange", route);
document.addEventListener("visibilitychange", lookAtStores);
setInterval(lookAtStores, STORES_MS);

for (const status of facts.statuses) at("status").append(new Option(STATUS[status].name, status));
route();
const kept = sessionStorage.getItem(TOKEN);
if (kept !== null) signIn(kept);
