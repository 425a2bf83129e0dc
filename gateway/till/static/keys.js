/**
 * Keys and buttons: which of the till's acts each of them means. Everything that can be pressed can
 * be reached by keys alone, and everything that has a key has a button for a finger.
 */

import { at } from "./elements.js";

const LEAVES = new Set(["paying", "asking", "ordering"]);

/** Connects the page to the till; `act` has what can be done (`till.js`). */
export function bind(till, act) {
  const keys = {
    F2: () => act.pay("cash"),
    F4: () => act.pay("card"),
    F6: act.toCoupon,
    F7: act.toCredit,
    F8: act.voidLine,
    F9: act.newBasket,
    F10: act.orderIt,
  };
  // What keys mean in the empty code field; in a code they are characters like any other.
  const fieldKeys = {
    ArrowDown: () => act.select(1),
    ArrowUp: () => act.select(-1),
    "+": () => act.step(1),
    "-": () => act.step(-1),
    Delete: act.voidLine,
  };

  function actOf({ key, target }) {
    if (key in keys) return keys[key];
    if (key === "Escape" && LEAVES.has(till.state)) return act.back;
    const inField = target === at("code") && target.value === "" && till.state === "ringing";
    return inField && till.basket.selected >= 0 ? fieldKeys[key] : undefined;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || till.signedIn === null) return;
    const found = actOf(event);
    if (found === undefined) return;
    event.preventDefault();
    found();
  });

  submitted("sign-in", act.signIn);
  submitted("scan", act.typed);
  submitted("redeem", act.redeem);
  submitted("take-credit", act.creditTyped);
  submitted("pay", act.book);
  submitted("ordering", () => act.pay("cash"));
  pressed("order-card", () => act.pay("card"));
  pressed("order-it", act.orderIt);
  pressed("cash", () => act.pay("cash"));
  pressed("card", () => act.pay("card"));
  pressed("void", act.voidLine);
  pressed("new", act.newBasket);
  pressed("next", act.newBasket);
  pressed("print", act.print);
  pressed("agree", act.agree);
  pressed("ask-now", act.askNow);
  pressed("set-aside", act.setAside);
  pressed("hand-in", act.handIn);
  pressed("set-kept-aside", act.setKeptAside);
  pressed("sign-out", act.signOut);
  for (const back of document.querySelectorAll(".back")) back.addEventListener("click", act.back);
  at("given").addEventListener("input", act.amountTyped);
  at("ordering").addEventListener("input", act.orderTyped);
  at("language").addEventListener("change", () => act.choose(at("language").value));
  addEventListener("online", act.askNow);
}

function submitted(id, act) {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

function pressed(id, act) {
  at(id).addEventListener("click", () => act());
}
