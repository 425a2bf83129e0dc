/**
 * What this tab keeps of itself, so that a reload goes on: who is signed in, and the open basket. A
 * sale on its way is kept beyond that (`sale.js`).
 */

const TOKEN = "countertop.token"; // the team's page in this tab has it from here
const REGISTER = "countertop.register";
const BASKET = "countertop.basket";

/** The token that is signed in here; null where none is. */
export function tokenKept() {
  return sessionStorage.getItem(TOKEN);
}

/** The register that it sells for. */
export function registerKept() {
  return sessionStorage.getItem(REGISTER);
}

export function keepSignedIn(token, register) {
  sessionStorage.setItem(TOKEN, token);
  sessionStorage.setItem(REGISTER, register);
}

/** The gateway does not take it: a reload must not ask with it again. */
export function forgetToken() {
  sessionStorage.removeItem(TOKEN);
}

export function basketKept() {
  return JSON.parse(sessionStorage.getItem(BASKET));
}

/** Throws where the browser keeps nothing. */
export function keepBasket(basket) {
  sessionStorage.setItem(BASKET, JSON.stringify(basket));
}

/** Whoever signs in next begins anew. */
export function forgetAll() {
  for (const place of [TOKEN, REGISTER, BASKET]) sessionStorage.removeItem(place);
}
