/** The lines of the basket: which one is selected, how much of it, and a basket to begin with. */

import { EMPTY, selected, selecting, stepOf, voided, withQuantity } from "./basket.js";
import { showSelected } from "./lines.js";
import { parseCount } from "./numbers.js";
import { toOrder } from "./ordering.js";
import { keepBasket, setBasket } from "./pricing.js";
import { focus } from "./screen.js";
import { enter, render, tell } from "./showing.js";
import { till } from "./state.js";

/** Back to the lines, from wherever there is a way back. */
export function openBasket() {
  till.done = null;
  till.otherTotal = null;
  enter("back");
  if (till.basket.order !== null) toOrder();
}

function select(basket) {
  till.clearing = false;
  keepBasket(basket);
  render();
  showSelected();
}

/** The next line (1), or the one before (-1). */
export function selectNext(direction) {
  select(selecting(till.basket, direction));
}

export function selectLine(place) {
  if (till.state !== "ringing") return;
  select(selected(till.basket, place));
  focus(till);
}

export function setQuantity(place, quantity) {
  till.notice = null;
  setBasket(withQuantity(till.basket, place, quantity));
  focus(till);
}

export function typeQuantity(place, text) {
  setQuantity(place, parseCount(text) ?? till.basket.lines[place].quantity);
}

/** The selected line by one step more or less. */
export function step(direction) {
  const { selected: place, lines } = till.basket;
  const line = lines[place];
  setQuantity(place, line.quantity + direction * stepOf(line));
}

export function voidLine() {
  if (till.state !== "ringing" || till.basket.selected < 0) return;
  till.notice = null;
  setBasket(voided(till.basket, till.basket.selected));
  focus(till);
}

/** After a sale, the next basket; a basket with lines is cleared when that is asked for twice. */
export function newBasket() {
  const count = till.basket.lines.length;
  if (till.state === "done") {
    openBasket();
  } else if (till.state === "ringing" && till.clearing) {
    till.notice = null;
    setBasket(EMPTY);
  } else if (till.state === "ringing" && count > 0) {
    tell({ key: "clearSure", count, values: { units: till.numbers.count(count) } });
    till.clearing = true;
  }
  focus(till);
}
