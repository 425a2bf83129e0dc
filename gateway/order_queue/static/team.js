/**
 * The team's page: what can be done on it, and what comes of it.
 *
 * The address says which order is open (`#/order/ID`), so the browser's own way back works. News
 * only say that something changed; the list is then read anew, and what says the same on the screen
 * stays untouched (`elements.js`). What is told of an order is kept until it is answered
 * (`telling.js`), and a reload goes on asking about it.
 */

import { Refused, Unanswered, askerFor } from "./asking.js";
import { paintBoard } from "./board.js";
import { changes } from "./changes.js";
import { at, element, fill } from "./elements.js";
import { followed, listen } from "./live.js";
import { latinDigits, numbersFor, parseCount } from "./numbers.js";
import { orderElement, shownOf } from "./order.js";
import { problemWords } from "./problems.js";
import { NotOurs, whoIs, whyNotOurs } from "./settling.js";
import { firstLanguage, localeOf, offerLanguages, paintNotice, sayPage, speakerOf } from "./speech.js";
import { shop, team } from "./state.js";
import { forget, keep, kept, newTelling, settle } from "./telling.js";
import { witnessOf } from "./witness.js";
import { WORDS } from "./words.js";

const WORKING = new Set(["cashier", "supervisor", "manager"]);
const TOKEN = "countertop.token"; // the till's as well: whoever is signed in there is so here
const LANGUAGE = "countertop.language";
const PAGE = 100; // a third of a millisecond per order at the gateway, and others wait for lists too
const ORDERS_MAX = 2_000; // shown at once
const REST_MS = 500; // between two readings of a burst of news
const NEWS_MAX = 3;
const RETRY_MS = 3_000;
const ORDER_NUMBER = /^W-\d+$/i;
const AGE_MS = 30_000; // how often ages are looked at again

const touched = matchMedia("(pointer: coarse)").matches;

let live = null;
let moment = 0; // counts readings, to tell which of two is newer
const readAlone = new Map(); // when an order was last read by itself
const hurries = new Set(); // whoever waits for another try

// What is shown

function viewNow() {
  if (team.signedIn === null) return "signingIn";
  return team.open === null ? "board" : "order";
}

function render() {
  document.body.dataset.view = viewNow();
  for (const part of document.querySelectorAll("[data-in]")) {
    part.hidden = !part.dataset.in.split(" ").includes(viewNow());
  }
  paintNotice(team.notice, team.speaker);
  paintStray();
  paintWho();
  if (team.signedIn === null) return;
  at("link").hidden = !team.isCutOff;
  sayOrNothing(at("link"), team.isCutOff ? { key: "cutOff" } : null);
  paintNews();
  paintBoard(at("groups"), team);
  const isIdle = team.isRead && ![...team.orders.values()].some(({ stage }) => stage !== "done");
  sayOrNothing(at("board-said"), team.isRead ? (isIdle ? { key: "nothingToDo" } : null) : { key: "reading" });
  paintOrder();
}

function paintOrder() {
  const order = team.orders.get(team.open);
  const items = order === undefined ? [] : [shownOf(order, team)];
  fill(at("order-shown"), items, (shown) => shown.order.id, (shown) => orderElement(shown, team, act));
  if (order !== undefined) sayOrNothing(at("order-said"), null);
  else if (team.open === null) sayOrNothing(at("order-said"), { key: "choose" });
}

function paintNews() {
  fill(at("news"), team.news.map((one) => ({ ...one, language: team.language })), ({ id }) => id, ({ order, message, tone }) => {
    const link = element("a", { href: `#/order/${encodeURIComponent(order)}`, data: { focus: "news" } });
    team.speaker.say(link, message);
    return element("li", { data: { tone } }, link);
  });
}

function paintWho() {
  if (team.signedIn === null) at("who").textContent = "";
  else team.speaker.say(at("who"), { key: "worker", values: { name: team.signedIn.name || team.signedIn.role } });
}

/** An event that waits for its answer and cannot be asked about from here. */
function paintStray() {
  const [stray] = team.strays;
  at("stray").hidden = stray === undefined || team.signedIn === null;
  if (stray === undefined) return;
  const values = {
    number: stray.number,
    event: { key: `event_${stray.type}` },
    time: team.numbers.time(new Date(stray.begun_ms).toISOString(), Date.now()),
  };
  team.speaker.say(at("stray-title"), { key: "notOurs", values });
  team.speaker.say(at("stray-do"), { key: stray.why === "earlier" ? "notOursEarlier" : "notOursDo" });
}

function paintContact(contact) {
  at("contact").dataset.live = contact;
  sayOrNothing(at("contact"), contact === "waiting" ? null : { key: contact });
}

function sayOrNothing(part, message) {
  if (message === null) part.textContent = "";
  else team.speaker.say(part, message);
}

/** Shows words that are found anew for each painting: the language may change meanwhile. */
function notify(words, tone) {
  team.notice = { words, tone };
  render();
}

/** The same, of messages. */
function tell(title, sentences = [], tone = "warn") {
  notify(() => ({ title, sentences }), tone);
}

function tellProblem(error) {
  if (error instanceof Unanswered) tell({ key: "noAnswer" }, [{ key: "noAnswerDo" }]);
  else if (error instanceof Refused) notify(() => problemWords(error), "bad");
  else throw error;
}

/** Opens the order that the address names, or none. */
function route() {
  const [, kind, id] = location.hash.split("/");
  const opened = kind === "order" ? decodeURIComponent(id) : null;
  const before = team.open;
  team.open = opened;
  team.notice = null;
  if (before !== null) team.refusals.delete(before);
  if (opened !== null) team.news = team.news.filter(({ order }) => order !== opened);
  if (team.signedIn === null) {
    render();
    return;
  }
  render();
  if (opened === null) focusBoard(before);
  else if (team.orders.has(opened)) at("order-shown").querySelector("h2").focus({ preventScroll: true });
  else if (team.isRead) openOld(opened);
}

async function openOld(id) {
  await readOrder(id);
  render();
  if (team.open === id) at("order-shown").querySelector("h2")?.focus({ preventScroll: true });
}

/** Back at the list, the keys are at the order that was open. */
function focusBoard(before) {
  const card = [...document.querySelectorAll("#groups li")].find((one) => one.dataset.key === before);
  (card?.querySelector("a") ?? at("code")).focus({ preventScroll: true });
}

// Signing in

async function signIn(token) {
  if (team.signedIn !== null || token === "") return;
  const asker = askerFor(token, witnessOf(shop));
  let who;
  try {
    who = await whoIs(asker);
  } catch (error) {
    notSignedIn(error, token);
    return;
  }
  if (!WORKING.has(who.role)) {
    tell({ key: "roleWrong", values: { role: who.role } }, [{ key: "tokenDo" }], "bad");
    return;
  }
  sessionStorage.setItem(TOKEN, token);
  Object.assign(team, { signedIn: who, asker, notice: null });
  at("sign-in").reset();
  live = listen(token, hear, contact);
  resume();
  render();
  await follow();
  if (document.activeElement === document.body) route(); // else somebody has begun to work
  else if (team.open !== null && !team.orders.has(team.open)) openOld(team.open);
}

function notSignedIn(error, token) {
  if (!(error instanceof Unanswered)) {
    sessionStorage.removeItem(TOKEN);
    tellProblem(error);
    return;
  }
  const again = sessionStorage.getItem(TOKEN) === token; // a reload while the gateway was away
  tell({ key: "noAnswer" }, again ? [{ key: "lost" }] : []);
  if (again) setTimeout(() => signIn(token), RETRY_MS);
}

function signOut() {
  live.stop();
  sessionStorage.removeItem(TOKEN);
  location.hash = "";
  Object.assign(team, {
    signedIn: null, asker: null, orders: new Map(), isRead: false, open: null, drafts: new Map(),
    refusals: new Map(), strays: [], notice: null, news: [], isCutOff: false,
  });
  for (const id of ["groups", "order-shown", "news"]) at(id).replaceChildren();
  paintContact("waiting");
  render();
  at("token").focus();
}

/** Goes on asking about what this browser told and got no answer to. */
function resume() {
  const waiting = kept().map((telling) => ({ ...telling, why: whyNotOurs(telling, team.signedIn) }));
  team.strays = waiting.filter(({ why }) => why !== null);
  for (const telling of waiting) if (telling.why === null) send(telling);
}

// Reading

const isSignedIn = () => team.signedIn !== null;
const follow = followed(readAll, isSignedIn, REST_MS);

/** Reads what waits here and what left today; says what came and went meanwhile. */
async function readAll() {
  const { asker } = team;
  const begun = (moment += 1);
  const found = new Map();
  try {
    let cursor = null;
    do {
      const asked = new URLSearchParams({ queue: "true", limit: PAGE });
      if (cursor !== null) asked.set("cursor", cursor);
      const page = await asker.get(`/v1/orders?${asked}`);
      for (const order of page.items) found.set(order.id, order);
      cursor = page.next_cursor;
    } while (cursor !== null && found.size < ORDERS_MAX);
  } catch (error) {
    if (team.asker === asker) readFailed(error);
    return;
  }
  if (team.asker === asker) show(found, begun);
}

function readFailed(error) {
  if (error instanceof Unanswered) return; // the live line says so, and its return reads again
  if (error instanceof Refused && error.slug === "unauthenticated") signOut();
  tellProblem(error);
}

/** Shows what a reading found; an order that was read by itself after it had begun is newer. */
function show(found, begun) {
  for (const [id, read] of readAlone) {
    if (read > begun && team.orders.has(id)) found.set(id, team.orders.get(id));
    else readAlone.delete(id);
  }
  if (team.isRead) {
    const told = changes(team.orders, found, (id) => team.sending.has(id), team.numbers);
    const fresh = told.map((one) => ({ ...one, id: `${one.message.key} ${one.order}` }));
    const others = team.news.filter(({ id }) => fresh.every((one) => one.id !== id));
    team.news = [...fresh.reverse(), ...others].slice(0, NEWS_MAX);
  }
  const open = team.orders.get(team.open);
  if (open !== undefined && !found.has(team.open)) found.set(team.open, open.stage === "done" ? open : goneOf(open));
  Object.assign(team, { orders: found, isRead: true });
  render();
}

/** The open order once the gateway has forgotten it: nothing of it is this store's any more. */
function goneOf(order) {
  return { ...order, stage: "gone", kept: [], due_minor: 0, next_event: null, allowed_events: [] };
}

/** An order that is in no part of the list, from an older day; or one of which something was told. */
async function readOrder(id) {
  try {
    const order = await team.asker.get(`/v1/orders/${encodeURIComponent(id)}`);
    team.orders.set(id, order);
    readAlone.set(id, (moment += 1));
  } catch (error) {
    tellProblem(error);
  }
}

// Telling what happened

/** Writes what is said of an order down and sends it; where it cannot be written down it is not sent. */
function tellOf(order, said) {
  if (team.sending.has(order.id)) return;
  const asked = { ...team.signedIn, writer: team.asker.writer ?? team.signedIn.writer };
  const telling = newTelling(order, said, asked, Date.now());
  try {
    keep(telling);
  } catch {
    tell({ key: "noStore" }, [{ key: "noStoreDo" }], "bad");
    return;
  }
  team.notice = null;
  send(telling);
}

/** Asks until it is known what became of the event. */
async function send(telling) {
  const { order, type } = telling;
  const sent = { telling, tries: 0 };
  team.sending.set(order, sent);
  team.refusals.delete(order);
  render();
  const unanswered = (tries) => {
    sent.tries = tries;
    render();
  };
  try {
    await settle(team.asker, telling, unanswered, pause);
    forget(telling); // only now: a crash before this asks once more, and is told the same
    forgetDraft(order, type);
  } catch (error) {
    if (error instanceof NotOurs) team.strays = [...team.strays, { ...telling, why: error.why }];
    else if (error instanceof Refused) {
      forget(telling);
      team.refusals.set(order, () => problemWords(error, type));
    } else throw error;
  }
  if (team.signedIn !== null) await readOrder(order);
  team.sending.delete(order);
  render();
  focusAfter(order);
}

/** What was ticked or typed is done with, as far as that event was about it. */
function forgetDraft(order, type) {
  if (type === "short_picked") team.draftOf(order).missing.clear();
  else if (type !== "paid") team.drafts.delete(order);
}

/** After an answer the keys are where the next thing is: at its field, its button, or its title. */
function focusAfter(order) {
  if (team.open !== order || document.activeElement !== document.body) return;
  const shown = at("order-shown");
  const parts = touched ? [] : [...shown.querySelectorAll("#pickup-code, button.main")];
  const next = parts.find((one) => one.closest("details:not([open])") === null) ?? shown.querySelector("h2");
  next?.focus({ preventScroll: true });
}

function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      hurries.delete(done);
      resolve();
    };
    hurries.add(done);
    setTimeout(done, ms);
  });
}

function askNow() {
  for (const done of hurries) done();
}

function setAside() {
  const [first, ...others] = team.strays;
  forget(first);
  team.strays = others;
  render();
}

const act = {
  tell: tellOf,
  tick({ id }, sku) {
    const { ticked } = team.draftOf(id);
    if (!ticked.delete(sku)) ticked.add(sku);
    render();
  },
  findHere({ id }) {
    team.draftOf(id).isHere = true;
    render();
  },
  miss({ id, kept: lines }, sku, told) {
    const { quantity } = lines.find((line) => line.sku === sku);
    const { missing } = team.draftOf(id);
    const units = typeof told === "number" ? told : parseCount(told) ?? missing.get(sku) ?? 0;
    missing.set(sku, Math.min(quantity, units));
    render();
    return missing.get(sku);
  },
  askNow,
};

// Looking for an order, and scans

/** What a typed or scanned code means: an order, its pick-up code, or a product of the open one. */
async function found(text) {
  const code = latinDigits(text.trim());
  if (code === "") return;
  sayOrNothing(at("code-said"), null);
  let order = orderOf(code);
  const isOfProduct = team.orders.get(team.open)?.stage === "to_pick" && !ORDER_NUMBER.test(code);
  if (order === undefined && !isOfProduct) {
    await follow(); // it may have come a moment ago
    order = orderOf(code);
  }
  if (order !== undefined) {
    if (isCodeOf(order, code)) team.draftOf(order.id).code = code;
    location.hash = `#/order/${encodeURIComponent(order.id)}`;
    return;
  }
  if (!(await tickScanned(code))) sayOrNothing(at("code-said"), { key: "notFound", values: { code } });
}

function orderOf(code) {
  const plain = code.toUpperCase();
  const digits = /^\d{1,9}$/.test(plain) ? Number(plain) : null;
  const numberOf = ({ number }) => Number(/\d+$/.exec(number)?.[0]);
  const orders = [...team.orders.values()];
  return orders.find(({ number }) => number.toUpperCase() === plain)
    ?? orders.find((order) => isCodeOf(order, code))
    ?? orders.find((order) => digits !== null && numberOf(order) === digits);
}

/** Whether a customer's code is this order's; the gateway checks it again when goods are handed over. */
function isCodeOf({ pickup_code }, code) {
  return pickup_code !== null && pickup_code === code.toUpperCase().replaceAll(/[\s-]/g, "");
}

/** Ticks the line of the open order that the code is of; false where it is of none. */
async function tickScanned(code) {
  const order = team.orders.get(team.open);
  if (order?.stage !== "to_pick") return false;
  let product;
  try {
    product = await team.asker.get(`/v1/lookup?code=${encodeURIComponent(code)}`);
  } catch (error) {
    if (error instanceof Refused) return false;
    tellProblem(error);
    return true;
  }
  const line = order.kept.find(({ sku }) => sku === product.sku);
  if (line === undefined) {
    const name = team.nameOf({ name: product.name, translations: namesOf(product) });
    team.speaker.say(at("code-said"), { key: "notInOrder", values: { product: name, number: order.number } });
    return true;
  }
  team.draftOf(order.id).ticked.add(line.sku);
  team.speaker.say(at("code-said"), { key: "ticked", values: { product: team.nameOf(line) } });
  render();
  return true;
}

const namesOf = ({ translations }) => Object.fromEntries(Object.entries(translations).map(([tag, { name }]) => [tag, name]));

// News

function hear(message) {
  if (message.type === "order.new" || message.type === "order.changed") follow();
  if (message.type === "link") heardLink(message.state);
  const isOwn = team.signedIn.register !== null && message.register === team.signedIn.register;
  if (message.type === "scan" && isOwn && !message.duplicate) found(message.code);
}

function heardLink(state) {
  team.isCutOff = state !== "connected";
  render();
}

async function contact(connected) {
  paintContact(connected ? "live" : "lost");
  if (!connected) return;
  askNow();
  follow(); // news may have been missed
  try {
    heardLink((await team.asker.get("/v1/status")).link.state);
  } catch (error) {
    if (!(error instanceof Unanswered || error instanceof Refused)) throw error;
  }
}

// Languages

function speak(language) {
  team.language = language;
  team.speaker = speakerOf(language, WORDS[language]);
  team.numbers = numbersFor(localeOf(language, navigator.languages), shop);
  sayPage(language, team.speaker);
  document.title = `${shop.name} · ${team.speaker.text({ key: "orders" })}`;
  at("language").value = language;
  paintContact(at("contact").dataset.live);
  render();
}

// Keys and buttons

at("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(at("token").value.trim());
});
at("sign-out").addEventListener("click", signOut);
at("set-aside").addEventListener("click", setAside);
at("find").addEventListener("submit", (event) => {
  event.preventDefault();
  found(at("code").value);
  at("code").value = "";
});
at("language").addEventListener("change", () => {
  localStorage.setItem(LANGUAGE, at("language").value);
  speak(at("language").value);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && team.open !== null) location.hash = "#/";
});
addEventListener("hashchange", route);
addEventListener("online", askNow);
setInterval(() => {
  if (isSignedIn()) render();
}, AGE_MS);

offerLanguages(at("language"));
speak(firstLanguage(localStorage.getItem(LANGUAGE), navigator.languages));
route();
const token = sessionStorage.getItem(TOKEN);
if (token === null) at("token").focus();
else signIn(token);
