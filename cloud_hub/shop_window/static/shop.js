/**
 * The shop: what can be done in each state of a visit (`state.js`), and what comes of it.
 *
 * The calls are those of any storefront: products, availability, quotes, a reservation, an order,
 * its events. Where this page asks the hub itself, a real shop asks its own server.
 */

import { Refused, Unanswered, askerFor, onceFor } from "./asking.js";
import { at } from "./elements.js";
import { numbersFor } from "./numbers.js";
import { begun, placed, waiting } from "./order.js";
import { found, paint, paintCountdown } from "./screen.js";
import { firstLanguage, localeOf, offerLanguages, sayPage, speakerOf } from "./speech.js";
import { TRANSITIONS, facts, visit } from "./state.js";
import { changed, offered, stockFrom, stocksOf } from "./stock.js";
import { WORDS } from "./words.js";

const ORDERING = new Set(["storefront", "admin"]);
const TOKEN = "countertop.shop.token";
const BASKET = "countertop.shop.basket";
const RESERVATION = "countertop.shop.reservation";
const MINE = "countertop.shop.mine";
const LANGUAGE = "countertop.language";

const PRODUCTS_MAX = 500; // a demonstration shows no more of a catalogue
const SHOWN_STEP = 24;
const SKUS_ASKED_MAX = 40; // of one request, so that its address stays short
const STOCK_MS = 4_000; // how often the stock on the screen is asked for
const ORDER_MS = 3_000;
const TICK_MS = 250;
const TYPING_MS = 250;
const RETRY_MS = 3_000;

let once = null;
let quoting = 0; // the latest question for a price: only its answer counts
let ending = false; // the hub is being asked whether the reservation is over

const can = (trigger) => TRANSITIONS[visit.state][trigger] !== undefined;
const render = () => paint(visit, { add });

function enter(trigger) {
  if (!can(trigger)) throw new Error(`${trigger} while ${visit.state}`);
  visit.state = TRANSITIONS[visit.state][trigger];
  render();
  const wanted = { signingIn: "token", checkout: "checkout-title", placing: "placing", ordered: "ordered-title", browsing: "catalogue-title" };
  at(wanted[visit.state]).focus();
}

function tell(title, sentences = [], tone = "warn") {
  visit.notice = { words: () => ({ title, sentences }), tone };
  render();
}

function quiet() {
  visit.notice = null;
}

/** A refusal in the customer's words. */
function tellProblem(error) {
  if (error instanceof Unanswered) {
    tell({ key: "noAnswer" }, [{ key: "noAnswerDo" }]);
    return;
  }
  if (!(error instanceof Refused)) throw error;
  const { slug, problem } = error;
  const detail = { key: "said", values: { detail: problem.detail } };
  const words = {
    "quota-short": () => tell({ key: "goneTitle", values: { product: visit.productName(problem.sku) } }, goneWords(problem), "bad"),
    "price-changed": () => tell({ key: "priceChanged", values: totals(problem) }, [{ key: "priceChangedDo" }]),
    "unknown-product": () => tell({ key: "unknown" }, [detail], "bad"),
    "rate-limited": () => tell({ key: "busy" }),
    unauthenticated: () => tell({ key: "tokenUnknown" }, [], "bad"),
  };
  (words[slug] ?? (() => tell({ key: "refused" }, [detail], "bad")))();
}

function goneWords({ sellable, elsewhere }) {
  if (sellable > 0) return [{ key: "goneSome", count: sellable, values: { units: visit.numbers.count(sellable) } }];
  return [{ key: elsewhere.length > 0 && visit.way.type === "pickup" ? "goneHere" : "goneNone" }];
}

function totals({ total_minor, expected_total_minor }) {
  const { currency } = visit.quote;
  return {
    total: visit.numbers.money(total_minor, currency),
    expected: visit.numbers.money(expected_total_minor, currency),
  };
}

// Signing in

async function signIn(token) {
  if (visit.who !== null || token === "") return;
  const asker = askerFor(token);
  let who;
  try {
    who = await asker.get("/v1/token");
  } catch (error) {
    const isKept = sessionStorage.getItem(TOKEN) === token;
    if (error instanceof Unanswered && isKept) setTimeout(() => signIn(token), RETRY_MS);
    else if (isKept) sessionStorage.removeItem(TOKEN);
    tellProblem(error);
    return;
  }
  if (!ORDERING.has(who.role)) {
    tell({ key: "roleWrong", values: { role: who.role } }, [], "bad");
    return;
  }
  sessionStorage.setItem(TOKEN, token);
  Object.assign(visit, { who, asker, mine: JSON.parse(sessionStorage.getItem(MINE)) ?? [] });
  once = onceFor(asker, "shop");
  quiet();
  at("sign-in").reset();
  enter("signedIn");
  await readCatalogue();
  await resume();
}

function signOut() {
  for (const place of [TOKEN, BASKET, RESERVATION, MINE]) sessionStorage.removeItem(place);
  Object.assign(visit, { who: null, basket: [], quote: null, reservation: null, mine: [], notice: null });
  for (const all of [visit.products, visit.stock, visit.seen]) all.clear();
  history.replaceState(null, "", location.pathname);
  enter("signOut");
}

/** Goes on where this tab was left: an order on its way, a checkout, an order that is looked at. */
async function resume() {
  const kept = JSON.parse(sessionStorage.getItem(BASKET));
  if (kept !== null) Object.assign(visit, kept, { basket: kept.basket.filter(({ sku }) => visit.products.has(sku)) });
  paintChoices();
  const placing = waiting();
  if (placing !== null) {
    await readQuote();
    send(placing);
    return;
  }
  const reserved = sessionStorage.getItem(RESERVATION);
  if (reserved !== null && visit.basket.length > 0) await resumeCheckout(reserved);
  else await route();
  askQuote();
}

async function resumeCheckout(id) {
  try {
    const reservation = await visit.asker.get(`/v1/reservations/${encodeURIComponent(id)}`);
    if (reservation.status === "open" || reservation.status === "expired") {
      await readQuote();
      Object.assign(visit, { reservation, expired: reservation.status === "expired" });
      enter("reserved");
      return;
    }
  } catch (error) {
    tellProblem(error);
  }
  sessionStorage.removeItem(RESERVATION);
}

// The catalogue and its stock

async function readCatalogue() {
  visit.speaker.say(at("catalogue-said"), { key: "reading" });
  try {
    const [products, locations, points] = await Promise.all([
      visit.asker.get(`/v1/products?draft=false&limit=${PRODUCTS_MAX}`),
      visit.asker.get("/v1/locations?limit=500"),
      visit.asker.get("/v1/pickup-points?limit=500"),
    ]);
    visit.isCut = products.next_cursor !== null;
    const sold = products.items.filter(({ archived }) => !archived);
    visit.products = new Map(sold.map((product) => [product.sku, product]));
    visit.locations = new Map(locations.items.map((one) => [one.id, one]));
    visit.points = new Map(points.items.map((one) => [one.id, one]));
  } catch (error) {
    tellProblem(error);
  }
  visit.shown = SHOWN_STEP;
  sayCatalogue(false);
  render();
  await readStock();
}

function sayCatalogue(isLost) {
  const key = isLost ? "catalogueLost" : whatIsMissing();
  const values = { count: visit.numbers.count(PRODUCTS_MAX) };
  if (key === null) at("catalogue-said").textContent = "";
  else visit.speaker.say(at("catalogue-said"), { key, values });
}

function whatIsMissing() {
  if (visit.products.size === 0) return "nothingSold";
  if (found(visit).length === 0) return "nothingFound";
  return visit.isCut ? "catalogueCut" : null;
}

/** Asks for the stock of what is on the screen and in the basket. */
async function readStock() {
  const onScreen = found(visit).slice(0, visit.shown);
  const inBasket = visit.basket.map(({ sku }) => visit.products.get(sku));
  const skus = [...new Set([...onScreen, ...inBasket].flatMap(stocksOf))];
  try {
    for (let from = 0; from < skus.length; from += SKUS_ASKED_MAX) {
      const asked = new URLSearchParams(skus.slice(from, from + SKUS_ASKED_MAX).map((sku) => ["sku", sku]));
      const { items } = await visit.asker.get(`/v1/availability?${asked}`);
      for (const [sku, stock] of stockFrom(items)) visit.stock.set(sku, stock);
    }
    sayCatalogue(false);
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
    sayCatalogue(true);
  }
  for (const product of onScreen) {
    const units = offered(product, visit.stock) ?? 0;
    visit.seen.set(product.sku, Math.max(units, visit.seen.get(product.sku) ?? 0));
  }
  if (visit.state === "browsing") render();
}

async function watchStock() {
  while (true) {
    await new Promise((resolve) => { setTimeout(resolve, STOCK_MS); });
    if (visit.state === "browsing" && !document.hidden) await readStock();
  }
}

// The basket

function add(product, direction) {
  quiet();
  setBasket(changed(visit.basket, product.sku, direction * product.price_per_quantity));
  readStock();
}

function setBasket(basket) {
  visit.basket = basket;
  keepBasket();
  askQuote();
}

function keepBasket() {
  const { basket, way, coupon } = visit;
  sessionStorage.setItem(BASKET, JSON.stringify({ basket, way, coupon }));
}

function asked() {
  const { basket, way, coupon } = visit;
  return { lines: basket, fulfilment: way, coupon: coupon === "" ? undefined : coupon };
}

function askQuote() {
  visit.quote = null;
  visit.quoteProblem = null;
  render();
  readQuote().then(render);
}

/** What the basket costs, by the hub; nothing else on this page adds anything up. */
async function readQuote() {
  quoting += 1;
  const mine = quoting;
  visit.quoteProblem = null;
  if (visit.basket.length === 0) {
    visit.quote = null;
    return;
  }
  try {
    const quote = await visit.asker.post("/v1/quotes", JSON.stringify(asked()));
    if (mine === quoting) visit.quote = quote;
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
    if (mine !== quoting) return;
    visit.quote = null;
    visit.quoteProblem = error instanceof Refused ? error.problem.detail : visit.speaker.text({ key: "noAnswer" });
  }
}

function chooseWay() {
  const isPickup = at("pickup").checked;
  visit.way = isPickup ? { type: "pickup", location: at("place").value } : { type: "ship" };
  keepBasket();
  askQuote();
}

function paintChoices() {
  at("coupon").value = visit.coupon;
  const isPickup = visit.way.type === "pickup";
  document.querySelector(`[name="way"][value="${visit.way.type}"]`).checked = true;
  render();
  if (isPickup) at("place").value = visit.way.location;
}

// The checkout

/** Sets the basket's units aside; when somebody was faster it is said. */
async function reserve() {
  if (!can("reserved") || visit.basket.length === 0) return;
  quiet();
  at("check-out").disabled = true;
  const { lines, fulfilment } = asked();
  try {
    const reservation = await once("/v1/reservations", { lines, fulfilment });
    sessionStorage.setItem(RESERVATION, reservation.id);
    Object.assign(visit, { reservation, expired: false });
    if (visit.quote === null) await readQuote();
    enter("reserved");
  } catch (error) {
    await backFrom(error);
  }
}

/** Back among the products, with what was refused in words and the stock as it is now. */
async function backFrom(error) {
  if (visit.state === "checkout") leave();
  tellProblem(error);
  await readStock();
}

/** Gives the reservation up, so that others can buy at once. */
function giveUp() {
  const { reservation, expired } = visit;
  quiet();
  leave();
  if (reservation === null || expired) return;
  visit.asker.delete(`/v1/reservations/${encodeURIComponent(reservation.id)}`).then(readStock).catch((error) => {
    // It ends by itself when its time is over.
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  });
}

function leave() {
  sessionStorage.removeItem(RESERVATION);
  Object.assign(visit, { reservation: null, expired: false });
  enter("back");
  askQuote();
}

/** The countdown; at its end the hub is asked, whose clock it is. */
function tick() {
  if (visit.state !== "checkout" || visit.reservation === null || visit.expired) return;
  paintCountdown(visit);
  if (Date.parse(visit.reservation.expires_at) > visit.asker.nowMs() || ending) return;
  ending = true;
  checkEnd().finally(() => { setTimeout(() => { ending = false; }, 1_000); });
}

async function checkEnd() {
  const { id } = visit.reservation;
  try {
    const reservation = await visit.asker.get(`/v1/reservations/${encodeURIComponent(id)}`);
    if (visit.reservation?.id !== id || reservation.status === "open") return;
    visit.expired = true;
    if (visit.state === "checkout") {
      render();
      at("reserve-again").focus();
    }
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  }
}

function orderNow() {
  if (!can("placing") || visit.expired || visit.quote === null) return;
  const { lines, fulfilment, coupon } = asked();
  const [customer, contact, address] = ["name", "reach", "address"].map((id) => at(id).value.trim());
  quiet();
  try {
    send(begun({
      lines,
      fulfilment: fulfilment.type === "ship" ? { ...fulfilment, address } : fulfilment,
      payment: at("payment").value,
      reservation: visit.reservation.id,
      expected_total_minor: visit.quote.total_minor,
      customer,
      contact,
      coupon,
    }));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    tell({ key: "noStore" }, [], "bad");
  }
}

async function send(placing) {
  Object.assign(visit, { placing, tries: 0 });
  enter("placing");
  try {
    const order = await placed(visit.asker, placing, (tries) => {
      visit.tries = tries;
      render();
    });
    ordered(order);
  } catch (error) {
    await refused(error);
  }
}

function ordered(order) {
  for (const place of [BASKET, RESERVATION]) sessionStorage.removeItem(place);
  Object.assign(visit, { basket: [], coupon: "", quote: null, reservation: null, expired: false, order });
  visit.mine = [{ id: order.id, number: order.number }, ...visit.mine];
  sessionStorage.setItem(MINE, JSON.stringify(visit.mine));
  at("details").reset();
  at("coupon").value = "";
  history.pushState(null, "", `#/order/${encodeURIComponent(order.id)}`);
  enter("placed");
}

async function refused(error) {
  if (visit.reservation === null) { // after a reload only what was sent is left of the checkout
    enter("lost");
    tellProblem(error);
    askQuote();
    return;
  }
  enter("refused");
  if (error.slug === "price-changed") {
    tellProblem(error);
    await readQuote();
    render();
    return;
  }
  await backFrom(error);
}

// The order

async function route() {
  const [, kind, id] = location.hash.split("/");
  if (visit.who === null || visit.state === "checkout" || visit.state === "placing") return;
  if (kind !== "order") {
    if (can("back")) {
      enter("back");
      readStock();
    }
    return;
  }
  const opened = decodeURIComponent(id);
  if (visit.state === "ordered" && visit.order.id === opened) return;
  try {
    visit.order = await visit.asker.get(`/v1/orders/${encodeURIComponent(opened)}`);
    quiet();
    if (can("opened")) enter("opened");
  } catch (error) {
    tellProblem(error);
  }
}

async function watchOrder() {
  while (true) {
    await new Promise((resolve) => { setTimeout(resolve, ORDER_MS); });
    if (visit.state === "ordered" && !document.hidden) await readOrder();
  }
}

async function readOrder() {
  const { id } = visit.order;
  try {
    const order = await visit.asker.get(`/v1/orders/${encodeURIComponent(id)}`);
    if (visit.state !== "ordered" || visit.order.id !== id) return;
    visit.order = order;
    render();
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  }
}

async function tellEvent(type) {
  quiet();
  try {
    visit.order = await once(`/v1/orders/${encodeURIComponent(visit.order.id)}/events`, { type });
    render();
  } catch (error) {
    tellProblem(error);
    readOrder();
  }
}

// Languages

function speak(language) {
  visit.language = language;
  visit.speaker = speakerOf(language, WORDS[language]);
  visit.numbers = numbersFor(localeOf(language, navigator.languages), facts);
  sayPage(language, visit.speaker);
  document.title = visit.speaker.text({ key: "shop" });
  at("language").value = language;
  render();
}

// Keys and buttons

function pressed(id, act) {
  at(id).addEventListener("click", () => act());
}

function submitted(id, act) {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

let typing = null;
submitted("sign-in", () => signIn(at("token").value.trim()));
submitted("basket-form", reserve);
submitted("details", orderNow);
pressed("sign-out", signOut);
pressed("more", () => {
  visit.shown += SHOWN_STEP;
  render();
  readStock();
});
pressed("give-up", giveUp);
pressed("leave", giveUp);
pressed("reserve-again", reserve);
pressed("pay-now", () => tellEvent("paid"));
pressed("cancel", () => tellEvent("cancelled"));
pressed("shop-on", () => { location.hash = "#/"; });
at("find").addEventListener("input", () => {
  visit.find = at("find").value;
  visit.shown = SHOWN_STEP;
  sayCatalogue(false);
  render();
  clearTimeout(typing);
  typing = setTimeout(readStock, TYPING_MS);
});
at("coupon").addEventListener("change", () => {
  visit.coupon = at("coupon").value.trim();
  keepBasket();
  askQuote();
});
for (const choice of document.querySelectorAll('[name="way"]')) choice.addEventListener("change", chooseWay);
at("place").addEventListener("change", chooseWay);
at("language").addEventListener("change", () => {
  localStorage.setItem(LANGUAGE, at("language").value);
  speak(at("language").value);
});
addEventListener("hashchange", route);

offerLanguages(at("language"));
speak(firstLanguage(localStorage.getItem(LANGUAGE), navigator.languages));
at("token").focus();
setInterval(tick, TICK_MS);
watchStock();
watchOrder();
const kept = sessionStorage.getItem(TOKEN);
if (kept !== null) signIn(kept);
