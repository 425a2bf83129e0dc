/** Everything that is on the screen of the team's page, and what can be read off it. */

import { localeOf } from "./speech.js";

/** The shop, its clock and its currencies' decimals, as the page was served. */
export const shop = JSON.parse(document.documentElement.dataset.shop);

export const team = {
  language: null,
  speaker: null,
  numbers: null,
  signedIn: null, // {id, writer, role, name, register}
  asker: null,
  orders: new Map(), // by id, as the gateway has them
  isRead: false, // whether they were read at all
  open: null, // the id of the open order
  drafts: new Map(), // what was ticked and typed on an order, by its id
  sending: new Map(), // events that wait for their answer, by their order: {telling, tries}
  refusals: new Map(), // why an event was refused, by its order: () => {title, sentences}
  strays: [], // events that wait for an answer and are not ours to ask about, each with `why`
  notice: null, // {words: () => {title, sentences}, tone}
  news: [], // what happened meanwhile, the newest first: {id, order, message, tone}
  isCutOff: false, // there is no line to the hub

  /** What was ticked and typed on an order; made when it is first asked for. */
  draftOf(id) {
    if (!this.drafts.has(id)) this.drafts.set(id, { ticked: new Set(), missing: new Map(), code: "", isHere: false });
    return this.drafts.get(id);
  },
  nameOf({ name, translations }) {
    const locale = localeOf(this.language, navigator.languages);
    return translations[locale] ?? translations[this.language] ?? name;
  },
  /** The register that money is booked at: the token's own, or the one of the till in this tab. */
  get register() {
    return this.signedIn.register ?? sessionStorage.getItem("countertop.register");
  },
  get nowMs() {
    return this.asker.nowMs();
  },
};
