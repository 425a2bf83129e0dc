/** The shortage queue: what is proposed about each item, and what is decided. */

import { element, isolated } from "./elements.js";
import { ACTION, proposalWords, resolutionWords, shortageTitle } from "./words.js";

const SETTLED_BY_WORD = new Set(["refund", "notify"]); // the payment's or the message's own number goes with it

/**
 * An item as an element.
 *
 * @param {object} item     as the API has it
 * @param {object} office   {numbers, locations, placeOf, nowMs, decides, actions}
 * @param {object} act      {resolve(item, body)}
 */
export function shortageElement(item, office, act) {
  const { numbers, placeOf, nowMs } = office;
  const money = item.amount_minor === null ? null : numbers.money(item.amount_minor, item.currency);
  const made = element(
    "li", {},
    element("h3", {}, isolated(shortageTitle(item, placeOf, money))),
    element("p", { className: "detail", textContent: `Since ${numbers.time(item.opened_at, nowMs)}` }),
  );
  if (item.notice !== null) made.append(element("p", {}, "For the customer: ", isolated(item.notice)));
  if (item.order !== null) made.append(element("p", {}, "Order ", orderLink(item.order)));
  if (item.state === "open") made.append(proposed(item, office, act));
  else if (item.resolution !== null) made.append(element("p", {}, isolated(resolutionWords(item.resolution, placeOf))));
  return made;
}

function orderLink(order) {
  return element("a", { href: `#/order/${encodeURIComponent(order)}`, data: { focus: "order" } }, isolated(order));
}

function proposed(item, office, act) {
  const { proposal } = item;
  const box = element("div", {}, element("p", { className: "means" }, isolated(proposalWords(proposal, office.placeOf))));
  if (proposal.order !== null && proposal.order !== item.order) {
    box.append(element("p", {}, "It is about order ", orderLink(proposal.order)));
  }
  if (!office.decides) return box;
  const others = office.actions[item.kind].filter((action) => action !== proposal.action && action !== "cover");
  // What the hub can cover it covers by itself.
  if (proposal.action !== "cover") box.append(decision(item, proposal.action, act, []));
  if (others.length === 0) return box;
  box.append(element(
    "details", { data: { focus: "else" } }, element("summary", { textContent: "Something else" }),
    ...others.map((action) => decision(item, action, act, action === "reallocate" ? placesFor(item, office) : [])),
  ));
  return box;
}

function placesFor({ location }, { locations }) {
  return [...locations.values()].filter(({ id }) => id !== location);
}

/** A decision as a form: a button, with where to or under which number where that is asked. */
function decision(item, action, act, places) {
  const isProposed = action === item.proposal.action;
  const isTold = SETTLED_BY_WORD.has(action);
  const reference = element("input", {
    maxLength: 200, placeholder: "Number, if there is one", data: { focus: `reference ${action}` },
    aria: { label: action === "refund" ? "Number of the payment" : "Number of the message" },
  });
  const where = element(
    "select", { aria: { label: "Send from" }, data: { focus: `where ${action}` } },
    element("option", { value: "", textContent: "Wherever there is most" }),
    ...places.map(({ id, name }) => element("option", { value: id, textContent: name })),
  );
  const button = element("button", {
    className: isProposed ? "main" : "", textContent: ACTION[action], data: { focus: action },
  });
  return element("form", {
    on: {
      submit: (event) => {
        event.preventDefault();
        act.resolve(item, {
          action: isProposed ? undefined : action,
          reference: reference.value.trim() || undefined,
          location: where.value || undefined,
        });
      },
    },
  }, isTold ? reference : null, places.length > 0 ? where : null, button);
}
