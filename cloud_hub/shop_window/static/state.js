/** A visit's state: what may be done next, and everything that is on the screen. */

import { localeOf } from "./speech.js";

/** What is not in this table cannot happen: no second order while one waits for its answer. */
export const TRANSITIONS = {
  signingIn: { signedIn: "browsing" },
  browsing: { reserved: "checkout", placing: "placing", opened: "ordered", signOut: "signingIn" },
  checkout: { reserved: "checkout", placing: "placing", back: "browsing" },
  placing: { placed: "ordered", refused: "checkout", lost: "browsing" },
  ordered: { opened: "ordered", back: "browsing", signOut: "signingIn" },
};

/** The hub's clock and the currencies' decimals, as the page was served. */
export const facts = JSON.parse(document.documentElement.dataset.shop);

export const visit = {
  state: "signingIn",
  language: null,
  speaker: null,
  numbers: null,
  asker: null,
  who: null, // {id, role, name, writer}
  products: new Map(), // by SKU, in the order of the hub
  isCut: false, // there are more than it shows
  locations: new Map(),
  points: new Map(), // the locations where customers collect, with address and hours
  find: "",
  shown: 0, // products on the screen
  stock: new Map(), // SKU -> {here, places: Map(location -> units)}, as last asked
  seen: new Map(), // SKU -> the most that was on the screen
  basket: [], // {sku, quantity}
  way: { type: "ship" }, // the fulfilment, as the hub has it
  coupon: "",
  quote: null, // what the basket costs; null: not known
  quoteProblem: null,
  reservation: null,
  expired: false,
  placing: null, // {key, body}: the order that waits for its answer
  tries: 0, // that brought no answer
  order: null, // the one on the screen
  mine: [], // ids of the orders of this tab, newest first
  notice: null, // {words: () => {title, sentences}, tone}

  nameOf({ name, translations }) {
    const locale = localeOf(this.language, navigator.languages);
    return (translations[locale] ?? translations[this.language])?.name ?? name;
  },
  productName(sku) {
    const product = this.products.get(sku);
    return product === undefined ? sku : this.nameOf(product);
  },
  placeName(id) {
    return this.locations.get(id)?.name ?? id;
  },
};
