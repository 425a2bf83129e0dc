/**
 * The till: what can be done in each of its states (`state.js`), and what comes of it.
 *
 * One basket is open at a time. It is kept in this window's session, so that a reload shows it
 * again; a sale on its way is kept beyond that (`sale.js`), and a reload goes on asking about it.
 */

import { Refused, Unanswered, askerFor, newKey } from "./asking.js";
import {
  EMPTY, added, asSold, lineOf, repriced, selected, selecting, stepOf, voided, withCharged,
  withCoupon, withCredit, withoutCoupon, withoutCredit, withQuantity,
} from "./basket.js";
import { creditWords, isCreditCode } from "./credit.js";
import { givenFrom } from "./given.js";
import { NOTHING } from "./handed.js";
import { keeperFor } from "./handing.js";
import { bind } from "./keys.js";
import { listen } from "./live.js";
import { latinDigits, numbersFor, parseCount } from "./numbers.js";
import { afterOrder, offerFrom, orderBody, ordering } from "./order.js";
import { problemWords } from "./problems.js";
import { firmPrice, ownSum, quoterFor } from "./quote.js";
import { expectedMinor, forget, keep, kept, newSale, settle } from "./sale.js";
import { focus, paint, paintContact, paintPrices, showSelected } from "./screen.js";
import { NotOurs, whoIs, whyNotOurs } from "./settling.js";
import { firstLanguage, localeOf, offerLanguages, sayPage, speakerOf } from "./speech.js";
import { TRANSITIONS, shop, till } from "./state.js";
import { witnessOf } from "./witness.js";
import { WORDS } from "./words.js";

const SELLING = new Set(["cashier", "supervisor", "manager"]);
const TOKEN = "countertop.token";
const REGISTER = "countertop.register";
const BASKET = "countertop.basket";
const LANGUAGE = "countertop.language";
const RETRY_MS = 3_000;

const at = (id) => document.getElementById(id);

let gateway = null;
let quote = null;
let live = null;
let keeper = null; // of sales that the hub may not have yet
let clearing = false; // the next press clears the basket
let hurry = () => {};
let adding = Promise.resolve();

const can = (trigger) => TRANSITIONS[till.state][trigger] !== undefined;
const render = () => paint(till, { setQuantity, selectLine, typeQuantity, dropCoupon, dropCredit });

function enter(trigger) {
  if (!can(trigger)) throw new Error(`${trigger} while ${till.state}`);
  till.state = TRANSITIONS[till.state][trigger];
  clearing = false;
  render();
  focus(till);
}

function tell(title, sentences = [], tone = "warn") {
  notify(() => ({ title, sentences }), tone);
}

/** Shows words that are found anew for each painting: the language may change meanwhile. */
function notify(words, tone, offer = null) {
  till.notice = { words, tone, offer };
  clearing = false;
  render();
}

function tellProblem(error) {
  if (error instanceof Unanswered) {
    tell({ key: "noAnswer" }, [{ key: "noAnswerDo" }]);
    return;
  }
  if (!(error instanceof Refused)) throw error;
  const productName = (sku) => {
    const line = till.basket.lines.find((one) => one.sku === sku);
    return line === undefined ? sku : till.nameOf(line);
  };
  const about = { here: shop.location, productName, nowMs: Date.now() };
  const offer = error.slug === "quota-short"
    ? offerFrom(error.problem, till.basket, shop.location) : null;
  notify(() => problemWords(error, { ...about, numbers: till.numbers }), "bad", offer);
}

// Signing in

async function signIn(token, register) {
  if (till.signedIn !== null) return;
  const asked = askerFor(token, witnessOf(shop));
  let who;
  try {
    who = await whoIs(asked);
  } catch (error) {
    notSignedIn(error, token, register);
    return;
  }
  if (!SELLING.has(who.role)) {
    tell({ key: "roleWrong", values: { role: who.role } }, [{ key: "tokenDo" }], "bad");
    return;
  }
  const own = who.register ?? register;
  if (!own) {
    at("which-register").hidden = false;
    at("register").required = true;
    at("register").focus();
    return;
  }
  sessionStorage.setItem(TOKEN, token);
  sessionStorage.setItem(REGISTER, own);
  till.signedIn = { ...who, register: own, prints: who.printing.includes(own) };
  till.notice = null;
  gateway = asked;
  quote = quoterFor(gateway, own);
  keeper = keeperFor(gateway, who, (handing) => {
    till.handing = handing;
    render();
  });
  live = listen(token, hear, contact);
  at("sign-in").reset();
  enter("signedIn");
  resume();
}

function notSignedIn(error, token, register) {
  if (!(error instanceof Unanswered)) {
    sessionStorage.removeItem(TOKEN);
    tellProblem(error);
    return;
  }
  const again = sessionStorage.getItem(TOKEN) === token; // a reload while the gateway was away
  tell({ key: "noAnswer" }, again ? [{ key: "lost" }] : []);
  if (again) setTimeout(() => signIn(token, register), RETRY_MS);
}

function signOut() {
  live.stop();
  keeper.stop();
  for (const place of [TOKEN, REGISTER, BASKET]) sessionStorage.removeItem(place);
  Object.assign(till, {
    signedIn: null, basket: EMPTY, done: null, notice: null, strays: [], handing: NOTHING,
  });
  paintContact(till, "waiting");
  enter("signOut");
}

/** Goes on where this window, or one before it, was left. */
function resume() {
  const waiting = kept(till.signedIn.register)
    .map((sale) => ({ ...sale, why: whyNotOurs(sale, till.signedIn) }));
  till.strays = waiting.filter(({ why }) => why !== null);
  const ours = waiting.find(({ why }) => why === null);
  setBasket({ ...EMPTY, ...(ours?.basket ?? JSON.parse(sessionStorage.getItem(BASKET))) });
  if (ours !== undefined) send(ours);
  else if (till.basket.order !== null) toOrder();
}

// The basket

/** Another basket, with the till's own sum until the gateway has said what it costs. */
function setBasket(basket) {
  clearing = false;
  till.priced = ownSum(basket.lines);
  keepBasket(basket);
  askPrice();
  readGiven();
  render();
  showSelected();
}

function keepBasket(basket) {
  till.basket = basket;
  sessionStorage.setItem(BASKET, JSON.stringify(basket));
}

/** Asks what the basket costs; what is on the screen stays there until that is known. */
async function askPrice() {
  const { lines, coupons } = till.basket;
  if (lines.length === 0) return;
  till.pricing = true;
  const priced = await quote(till.basket);
  if (priced === null || till.basket.lines !== lines) return; // a later answer counts
  if (till.basket.coupons !== coupons) return;
  Object.assign(till, { priced, pricing: false });
  // A sale on its way is what it was when it was sent.
  if (till.state !== "waiting") keepBasket(withCharged(till.basket, priced.lines));
  readGiven();
  paintPrices(till);
}

/** Adds what a code means, one after the other, in the order of the scans. */
function add(code, quantity) {
  const act = isCreditCode(code) ? () => showCredit(code) : () => addNow(code, quantity);
  adding = adding.then(act).catch(reportError);
}

async function addNow(code, quantity) {
  let product;
  try {
    product = await gateway.get(`/v1/lookup?code=${encodeURIComponent(code)}`);
  } catch (error) {
    tellProblem(error);
    return;
  }
  if (till.state === "waiting") {
    tell({ key: "scanWaits" });
    return;
  }
  if (till.basket.order !== null) {
    tell({ key: "scanOrder" });
    return;
  }
  if (product.archived) {
    tell({ key: "archived", values: { product: till.nameOf(product) } }, [], "bad");
    return;
  }
  if (till.state !== "ringing") openBasket();
  till.notice = null;
  setBasket(added(till.basket, lineOf(product, code, quantity)));
  if (product.is_expired) tellExpired(product);
}

/** The goods are in the basket all the same: whoever sells sees what is printed on them. */
function tellExpired(product) {
  notify(() => ({
    title: {
      key: "expired",
      values: { product: till.nameOf(product), day: till.numbers.day(product.expires_on) },
    },
    sentences: [{ key: "expiredDo" }],
  }), "bad");
}

/** A label that the scanner read twice at once is one piece; said when the first is in the basket. */
function tellTwice({ sku }) {
  adding = adding.then(() => {
    const line = till.basket.lines.find((one) => one.sku === sku);
    if (till.state !== "ringing" || line === undefined) return;
    tell({ key: "readTwice", values: { product: till.nameOf(line) } }, [{ key: "readTwiceDo" }]);
  });
}

/** "3*CODE" takes three; a scanner's own code is never taken apart. */
function addTyped(text) {
  const found = /^(\d{1,6})\*(.+)$/.exec(latinDigits(text));
  if (found !== null) add(found[2].trim(), Number(found[1]));
  else add(/^\p{Nd}+$/u.test(text) ? latinDigits(text) : text);
}

/** Back to the lines, from wherever there is a way back. */
function openBasket() {
  till.done = null;
  till.otherTotal = null;
  enter("back");
  if (till.basket.order !== null) toOrder();
}

function select(basket) {
  clearing = false;
  keepBasket(basket);
  render();
  showSelected();
}

function selectLine(place) {
  if (till.state !== "ringing") return;
  select(selected(till.basket, place));
  focus(till);
}

function setQuantity(place, quantity) {
  till.notice = null;
  setBasket(withQuantity(till.basket, place, quantity));
  focus(till);
}

function typeQuantity(place, text) {
  setQuantity(place, parseCount(text) ?? till.basket.lines[place].quantity);
}

/** The selected line by one step more or less. */
function step(direction) {
  const { selected: place, lines } = till.basket;
  const line = lines[place];
  setQuantity(place, line.quantity + direction * stepOf(line));
}

function voidLine() {
  if (till.state !== "ringing" || till.basket.selected < 0) return;
  till.notice = null;
  setBasket(voided(till.basket, till.basket.selected));
  focus(till);
}

function newBasket() {
  const count = till.basket.lines.length;
  if (till.state === "done") {
    openBasket();
  } else if (till.state === "ringing" && clearing) {
    till.notice = null;
    setBasket(EMPTY);
  } else if (till.state === "ringing" && count > 0) {
    tell({ key: "clearSure", count, values: { units: till.numbers.count(count) } });
    clearing = true;
  }
  focus(till);
}

// Coupons

/** Takes a coupon for this basket, or says why the gateway does not. */
async function redeem() {
  const coupon = latinDigits(at("coupon").value.trim()).toUpperCase();
  if (coupon === "" || till.state !== "ringing" || till.basket.lines.length === 0) return;
  try {
    await firmPrice(gateway, till.signedIn.register, withCoupon(till.basket, coupon));
  } catch (error) {
    tellProblem(error);
    return;
  }
  if (till.state !== "ringing") return;
  at("coupon").value = "";
  till.notice = null;
  setBasket(withCoupon(till.basket, coupon));
  focus(till);
}

function dropCoupon(coupon) {
  if (till.state !== "ringing") return;
  till.notice = null;
  setBasket(withoutCoupon(till.basket, coupon));
  focus(till);
}

function toCoupon() {
  if (till.state === "ringing") at("coupon").focus();
}

// Store credit

/** The code of a credit note was scanned, perhaps when the customer was asked for money. */
async function showCredit(code) {
  if (till.basket.order !== null) {
    tell({ key: "creditNoOrder" });
    return;
  }
  if (till.state === "paying" || till.state === "asking") openBasket();
  if (till.state === "ringing") await takeCredit(code);
  else tell({ key: "creditLater" });
}

async function creditTyped() {
  const typed = latinDigits(at("credit-code").value.trim());
  if (typed !== "" && till.state === "ringing") await takeCredit(typed);
}

/** Takes a store credit for this basket, or says why it does not pay. */
async function takeCredit(typed) {
  if (till.basket.lines.length === 0) {
    tell({ key: "creditLater" });
    return;
  }
  let credit;
  try {
    credit = await gateway.get(`/v1/credits/${encodeURIComponent(typed)}`);
  } catch (error) {
    tellProblem(error);
    return;
  }
  if (till.state !== "ringing") return;
  const { code, currency, balance_minor } = credit;
  if (currency !== till.currency || balance_minor === 0) {
    const reason = currency === till.currency ? "left" : "currency";
    const problem = { credit: code, currency, reason, left_minor: balance_minor };
    notify(() => creditWords(problem, { numbers: till.numbers, nowMs: Date.now() }), "bad");
    return;
  }
  at("credit-code").value = "";
  till.notice = null;
  setBasket(withCredit(till.basket, { code, left_minor: balance_minor }));
  focus(till);
}

function dropCredit(code) {
  if (till.state !== "ringing") return;
  till.notice = null;
  setBasket(withoutCredit(till.basket, code));
  focus(till);
}

function toCredit() {
  if (till.state === "ringing") at("credit-code").focus();
}

// From another store

/** The line that is short here becomes an order; the rest of the basket waits. */
function orderIt() {
  const offer = till.notice?.offer ?? null;
  if (offer === null || !can("order")) return;
  till.notice = null;
  setBasket(ordering(till.basket, offer));
  toOrder();
}

/** The form of the open order, as it was filled in so far. */
function toOrder() {
  const { way, name, phone, address } = till.basket.order;
  at("ordering").elements.way.value = way;
  at("order-name").value = name;
  at("order-phone").value = phone;
  at("order-address").value = address;
  enter("order");
}

/** Nothing is ordered: the line is in its basket again. */
function leaveOrder() {
  const { whole } = till.basket.order;
  enter("back");
  setBasket(whole);
}

function orderTyped() {
  const order = {
    ...till.basket.order,
    way: at("ordering").elements.way.value,
    name: at("order-name").value.trim(),
    phone: at("order-phone").value.trim(),
    address: at("order-address").value.trim(),
  };
  const moved = order.way !== till.basket.order.way;
  keepBasket({ ...till.basket, order, agreed_minor: moved ? null : till.basket.agreed_minor });
  if (moved) askPrice(); // who collects has the prices of that store
  render();
}

// Paying

async function pay(tender) {
  await adding; // a scan just before the key belongs to this sale
  if (!can("pay") || till.basket.lines.length === 0) return;
  if (till.state === "ordering" && !at("ordering").reportValidity()) return;
  at("given").value = "";
  Object.assign(till, { tender, notice: null, otherTotal: null });
  readGiven();
  enter("pay");
}

function readGiven() {
  const { tender, currency, numbers, credited } = till;
  till.given = givenFrom(at("given").value, {
    tender, currency, numbers, due_minor: credited.due_minor,
  });
}

/** Writes the sale down and sends it; where it cannot be written down it is not sent. */
function book() {
  const { given, tender, total_minor, credited } = till;
  if (!can("send") || given.minor === undefined) return;
  const { register } = till.signedIn;
  const tenders = [
    ...credited.tenders,
    ...(given.minor === 0 ? [] : [{ type: tender, amount_minor: given.minor }]),
  ];
  const body = JSON.stringify(till.basket.order !== null
    ? orderBody(till.basket, register, tenders, total_minor)
    : {
      register, lines: asSold(till.basket), coupons: till.basket.coupons, tenders,
      expected_total_minor: total_minor,
    });
  till.basket = { ...till.basket, key: till.basket.key ?? newKey("till") };
  const asked = { ...till.signedIn, writer: gateway.writer ?? till.signedIn.writer };
  const sale = newSale(till.basket, body, asked, Date.now());
  try {
    sessionStorage.setItem(BASKET, JSON.stringify(till.basket));
    keep(sale);
  } catch {
    openBasket();
    tell({ key: "noStore" }, [{ key: "noStoreDo" }], "bad");
    return;
  }
  send(sale);
}

/** Asks until it is known what became of the sale. */
async function send(sale) {
  Object.assign(till, { tries: 0, said: null, sent_minor: expectedMinor(sale) });
  enter("send");
  try {
    const settled = await settle(gateway, sale, unanswered, pause);
    await booked(sale, settled);
  } catch (error) {
    if (error instanceof NotOurs) strand({ ...sale, why: error.why });
    else refuse(sale, error);
  }
}

function unanswered(tries, error) {
  Object.assign(till, { tries, said: error instanceof Refused ? error.problem.detail : null });
  render();
}

function pause(ms) {
  return new Promise((resolve) => {
    hurry = resolve;
    setTimeout(resolve, ms);
  });
}

async function booked(sale, { booked: record, asFirstSent }) {
  let receipt = null;
  const { order } = sale.basket;
  till.done = { booked: record, order: null, asFirstSent, receipt: "", printKey: null };
  if (order) {
    till.done.booked = record.payment;
    till.done.order = { ...record.order, place: order.place.name };
  }
  till.notice = null;
  setBasket(order ? afterOrder(sale.basket) : EMPTY);
  if (!order) keeper.keep(sale.basket.key, record);
  forget(sale); // only now: a crash before this asks once more, and is told the same
  enter("booked");
  keeper.look();
  if (order) return; // what the customer has to know is on the paper and on the screen
  const { done } = till;
  try {
    receipt = await gateway.get(`/v1/sales/${encodeURIComponent(record.id)}/receipt`);
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  }
  done.receipt = receipt;
  render();
}

/** The sale stays written down and is not sent; nobody may ring it up a second time. */
function strand(sale) {
  till.strays = [...till.strays.filter((one) => one.basket.key !== sale.basket.key), sale];
  setBasket(sale.basket.order ? afterOrder(sale.basket) : EMPTY);
  enter("refused");
}

function refuse(sale, error) {
  if (!(error instanceof Refused)) throw error;
  const again = { ...sale.basket, tried: sale.bodies };
  if (error.slug === "price-changed") {
    till.otherTotal = error.problem;
    setBasket({ ...again, agreed_minor: null });
    forget(sale);
    enter("otherTotal");
    return;
  }
  setBasket(again);
  forget(sale);
  enter("refused");
  if (again.order) toOrder();
  if (again.order && error.slug === "unavailable") {
    tell({ key: "orderUnheard" }, [{ key: "orderUnheardDo" }], "bad");
  } else {
    tellProblem(error);
  }
}

function agree() {
  till.basket = { ...till.basket, agreed_minor: till.otherTotal.total_minor };
  pay(till.tender);
}

// After the sale, and sales from before

async function print() {
  const { done } = till;
  done.printKey ??= newKey("till");
  try {
    const path = `/v1/sales/${encodeURIComponent(done.booked.id)}/print`;
    await gateway.post(path, "{}", done.printKey);
    done.printKey = null;
    tell({ key: "printing" }, [], "good");
  } catch (error) {
    tellProblem(error);
  }
}

function setAside() {
  const [first, ...others] = till.strays;
  forget(first);
  till.strays = others;
  render();
  focus(till);
}

// News

function hear(message) {
  if (message.register === till.signedIn.register) hearScanner(message);
  if (message.type === "price") askAgain(repriced(till.basket, message.sku, message.price_minor));
  if (message.type === "prices") askAgain(till.basket);
}

/** The register's own scanner. What is not counted is said: the scanner has beeped. */
function hearScanner(message) {
  if (message.type === "scan.dropped") tell({ key: "scanHalf" }, [{ key: "unreadDo" }]);
  if (message.type !== "scan") return;
  if (message.duplicate) tellTwice(message);
  else add(message.code);
}

/** What the basket costs may be another than what was said before. */
function askAgain(basket) {
  if (till.state === "waiting" || basket.lines.length === 0) return;
  keepBasket({ ...basket, agreed_minor: null });
  askPrice();
}

function contact(connected) {
  paintContact(till, connected ? "live" : "lost");
  if (!connected) return;
  askAgain(till.basket); // news of prices may have been missed
  keeper.look(); // it may be another box
}

// Languages

function speak(language) {
  till.language = language;
  till.speaker = speakerOf(language, WORDS[language]);
  till.numbers = numbersFor(localeOf(language, navigator.languages), shop);
  sayPage(language, till.speaker);
  document.title = `${shop.name} · ${till.speaker.text({ key: "till" })}`;
  at("language").value = language;
  paintContact(till, at("contact").dataset.live);
  readGiven();
  render();
}

// Keys and buttons

function typed() {
  const text = at("code").value.trim();
  at("code").value = "";
  if (text !== "") addTyped(text);
  else if (till.state === "done") openBasket();
}

bind(till, {
  signIn: () => signIn(at("token").value.trim(), at("register").value.trim()),
  signOut,
  typed,
  select: (direction) => select(selecting(till.basket, direction)),
  step,
  voidLine,
  newBasket,
  redeem,
  toCoupon,
  creditTyped,
  toCredit,
  pay,
  amountTyped() {
    readGiven();
    render();
  },
  book,
  back() {
    if (till.state === "ordering") leaveOrder();
    else if (can("back")) openBasket();
  },
  orderIt,
  orderTyped,
  agree,
  askNow: () => hurry(),
  setAside,
  handIn: () => keeper.handIn(),
  setKeptAside: () => keeper.setAside(),
  print,
  choose(language) {
    localStorage.setItem(LANGUAGE, language);
    speak(language);
  },
});

offerLanguages(at("language"));
speak(firstLanguage(localStorage.getItem(LANGUAGE), navigator.languages));
focus(till);
const token = sessionStorage.getItem(TOKEN);
if (token !== null) signIn(token, sessionStorage.getItem(REGISTER));
