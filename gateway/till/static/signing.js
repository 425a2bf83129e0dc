/** Signing in with a token, going on where this tab was left, and signing out. */

import { Unanswered, askerFor } from "./asking.js";
import { EMPTY } from "./basket.js";
import { send } from "./booking.js";
import { at } from "./elements.js";
import { NOTHING } from "./handed.js";
import { keeperFor } from "./handing.js";
import { contact, hear } from "./hearing.js";
import { listen } from "./live.js";
import { toOrder } from "./ordering.js";
import { setBasket } from "./pricing.js";
import { quoterFor } from "./quote.js";
import { kept } from "./sale.js";
import { paintContact } from "./screen.js";
import { whoIs, whyNotOurs } from "./settling.js";
import { enter, render, tell, tellProblem } from "./showing.js";
import { shop, till } from "./state.js";
import * as tab from "./tab.js";
import { witnessOf } from "./witness.js";

const SELLING = new Set(["cashier", "supervisor", "manager"]);
const RETRY_MS = 3_000;

/** With what was typed. */
export function signInTyped() {
  return signIn(at("token").value.trim(), at("register").value.trim());
}

/** A reload, or the team's page in this tab: whoever was signed in stays so. */
export function signInAgain() {
  const token = tab.tokenKept();
  if (token !== null) signIn(token, tab.registerKept());
}

async function signIn(token, register) {
  if (till.signedIn !== null) return;
  const gateway = askerFor(token, witnessOf(shop));
  let who;
  try {
    who = await whoIs(gateway);
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
    askWhichRegister();
    return;
  }
  tab.keepSignedIn(token, own);
  openFor(who, own, gateway, token);
  at("sign-in").reset();
  enter("signedIn");
  resume();
}

/** A token of any register sells at the one that stands here. */
function askWhichRegister() {
  at("which-register").hidden = false;
  at("register").required = true;
  at("register").focus();
}

/** From here the till is `who`'s, at `register`. */
function openFor(who, register, gateway, token) {
  Object.assign(till, {
    signedIn: { ...who, register, prints: who.printing.includes(register) },
    notice: null,
    gateway,
    quote: quoterFor(gateway, register),
    keeper: keeperFor(gateway, who, (handing) => {
      till.handing = handing;
      render();
    }),
    live: listen(token, hear, contact),
  });
}

function notSignedIn(error, token, register) {
  if (!(error instanceof Unanswered)) {
    tab.forgetToken();
    tellProblem(error);
    return;
  }
  const again = tab.tokenKept() === token; // a reload while the gateway was away
  tell({ key: "noAnswer" }, again ? [{ key: "lost" }] : []);
  if (again) setTimeout(() => signIn(token, register), RETRY_MS);
}

/** Goes on where this tab, or one before it, was left. */
function resume() {
  const waiting = kept(till.signedIn.register)
    .map((sale) => ({ ...sale, why: whyNotOurs(sale, till.signedIn) }));
  till.strays = waiting.filter(({ why }) => why !== null);
  const ours = waiting.find(({ why }) => why === null);
  setBasket({ ...EMPTY, ...(ours?.basket ?? tab.basketKept()) });
  if (ours !== undefined) send(ours);
  else if (till.basket.order !== null) toOrder();
}

export function signOut() {
  till.live.stop();
  till.keeper.stop();
  tab.forgetAll();
  Object.assign(till, {
    signedIn: null, basket: EMPTY, done: null, notice: null, strays: [], handing: NOTHING,
  });
  paintContact(till, "waiting");
  enter("signOut");
}
