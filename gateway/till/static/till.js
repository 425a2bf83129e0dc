/**
 * The till, put together: what can be done (the modules that end in -ing), and which key, button or
 * news does it.
 *
 * One basket is open at a time. It is kept in this tab, so that a reload shows it again; a sale on
 * its way is kept beyond that (`sale.js`), and a reload goes on asking about it.
 */

import { book, setAside } from "./booking.js";
import { creditTyped, dropCredit, toCredit } from "./crediting.js";
import { bind } from "./keys.js";
import { leaveOrder, orderIt, orderTyped } from "./ordering.js";
import { agree, amountTyped, pay } from "./paying.js";
import { print } from "./printing.js";
import { dropCoupon, redeem, toCoupon } from "./redeeming.js";
import {
  newBasket, openBasket, selectLine, selectNext, setQuantity, step, typeQuantity, voidLine,
} from "./ringing.js";
import { codeTyped } from "./scanning.js";
import { focus } from "./screen.js";
import { can, showWith } from "./showing.js";
import { signInAgain, signInTyped, signOut } from "./signing.js";
import { choose, speakFirst } from "./speaking.js";
import { till } from "./state.js";

function back() {
  if (till.state === "ordering") leaveOrder();
  else if (can("back")) openBasket();
}

showWith({ setQuantity, selectLine, typeQuantity, dropCoupon, dropCredit });

bind(till, {
  signIn: signInTyped,
  signOut,
  typed: codeTyped,
  select: selectNext,
  step,
  voidLine,
  newBasket,
  redeem,
  toCoupon,
  creditTyped,
  toCredit,
  pay,
  amountTyped,
  book,
  back,
  orderIt,
  orderTyped,
  agree,
  askNow: () => till.hurry(),
  setAside,
  handIn: () => till.keeper.handIn(),
  setKeptAside: () => till.keeper.setAside(),
  print,
  choose,
});

speakFirst();
focus(till);
signInAgain();
