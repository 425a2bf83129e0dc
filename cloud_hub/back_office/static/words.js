/** Statuses, events, problems and shortages in words. Pure. */

/** What an order's status is called, how it looks, and what it means. */
export const STATUS = {
  new: { name: "New", tone: "idle", means: "Placed, and not paid yet." },
  paid: { name: "Paid", tone: "good", means: "Paid; nobody has begun to pick it." },
  ready_to_pick: { name: "Ready to pick", tone: "good", means: "The store is about to pick it." },
  picked: { name: "Picked", tone: "good", means: "Taken from the shelf." },
  packed: { name: "Packed", tone: "good", means: "Packed, and still in the store." },
  ready_for_pickup: {
    name: "Ready for pick-up", tone: "good", means: "It waits at the counter for the customer.",
  },
  shipped: { name: "Shipped", tone: "good", means: "On its way to the customer." },
  delivered: { name: "Delivered", tone: "good", means: "The customer has it." },
  collected: { name: "Collected", tone: "good", means: "The customer has collected it." },
  cancel_requested: {
    name: "Cancel requested", tone: "warn",
    means: "Whoever keeps the goods has not said yet whether they are still there.",
  },
  cancelled: { name: "Cancelled", tone: "idle", means: "Nothing of it is kept any more." },
  expired: { name: "Expired", tone: "idle", means: "No money came in time; its units are free." },
  returned: { name: "Returned", tone: "warn", means: "The goods are back, or on their way back." },
};

/** What happened to an order. */
export const EVENT = {
  placed: "Placed",
  paid: "Paid",
  expired: "Expired without a payment",
  ready_to_pick: "Ready to pick",
  picked: "Picked",
  packed: "Packed",
  ready_for_pickup: "Ready for pick-up",
  shipped: "Shipped",
  delivered: "Delivered",
  delivery_refused: "Delivery refused",
  collected: "Collected",
  uncollected: "Not collected; to be inspected",
  cancel_requested: "Cancel requested",
  cancelled: "Cancelled",
  release_requested: "Units asked back",
  released: "Units given back",
  short_picked: "Some units were not there",
  returned: "Returned",
};

export const PAYMENT = {
  paid: "Paid",
  pending: "Waiting for the payment",
  on_delivery: "On delivery",
  on_collection: "On collection",
};

/** What a till was paid with. */
export const TENDER = { cash: "Cash", card: "Card", wallet: "Wallet" };

/** What becomes of the units that a location keeps. */
export const UNITS = {
  held: "set aside until it is paid",
  committed: "kept for this order",
  fulfilled: "handed over",
  released: "given back",
};

/** How the line to a store is. */
export const LINK = {
  connected: { name: "Connected", tone: "good" },
  down: { name: "Down", tone: "warn" },
  never: { name: "Never connected", tone: "idle" },
};

/** What is known of a box that was replaced. */
export const LIFE = {
  open: { name: "Its last sales may be missing", tone: "warn" },
  sealed: { name: "Has handed over everything", tone: "good" },
  attested: { name: "Attested to be gone", tone: "idle" },
};

/** What can be decided about a shortage, as the button says it. */
export const ACTION = {
  cover: "Cover it from what is not promised yet",
  reallocate: "Send the units from elsewhere",
  cancel: "Cancel these units",
  count: "Have it counted",
  refund: "Paid back",
  notify: "The customer was told",
};

/** What a shortage is, in one line; `placeOf` says what a location is called. */
export function shortageTitle({ kind, units, sku, location }, placeOf, money) {
  const what = sku === null ? "" : `${units} of ${sku}`;
  switch (kind) {
    case "deficit": return `${what} too few at ${placeOf(location)}`;
    case "unfulfilled": return `${what} given back by ${placeOf(location)}; nobody else sends them`;
    case "refund": return money === null ? "Money is owed back" : `${money} is owed back`;
    default: return "The customer has to be told";
  }
}

/** What is proposed about a shortage. */
export function proposalWords({ action, units, location, why }, placeOf) {
  const done = {
    cover: `Cover ${units} from what is not promised yet`,
    reallocate: `Send ${units} from ${location === null ? "elsewhere" : placeOf(location)}`,
    cancel: `Cancel ${units} of the order`,
    count: "Count the product there",
    refund: "Pay the money back",
    notify: "Tell the customer",
  }[action];
  return `${done}: ${why}.`;
}

/** How far a shortage has come, once somebody has decided. */
export function resolutionWords({ action, by, location, reference, how }, placeOf) {
  const parts = [action === null ? "Ended by itself" : ACTION[action]];
  if (location !== null) parts.push(`from ${placeOf(location)}`);
  if (by !== "") parts.push(`by ${by}`);
  if (reference !== null) parts.push(`as ${reference}`);
  return how === null ? parts.join(" ") : `${parts.join(" ")}: ${how}`;
}

/** A text that a storefront wrote down: one, or several by name. */
export function personalLines(text) {
  if (text === null || text === undefined) return [];
  if (typeof text === "string") return text === "" ? [] : text.split("\n");
  return Object.entries(text).map(([name, value]) => `${name}: ${value}`);
}

/** "15 %", of a rate as text. */
export function percent(rate) {
  return `${Number((Number(rate) * 100).toFixed(4))} %`;
}

/** A refusal: what stands first, and the sentence below it. */
export function refusalWords({ slug, problem }, placeOf) {
  switch (slug) {
    case "unauthenticated":
      return {
        title: "The hub does not know this token.",
        more: "Copy the whole token, or make a new one at the hub: cloud-hub token --data DIR --role admin",
      };
    case "forbidden":
      return { title: "This token may not do that.", more: problem.detail };
    case "quota-short":
      return { title: "There are not enough units for that.", more: shortWords(problem, placeOf) };
    case "storage":
      return { title: "The hub's disk did not take it.", more: problem.detail };
    case "rate-limited":
      return { title: "The hub is busy.", more: "Try again in a moment." };
    case "unavailable":
      return { title: "The hub cannot do that now.", more: problem.detail };
    default:
      return { title: "The hub refuses this.", more: problem.detail };
  }
}

function shortWords({ wanted, sellable, sku, elsewhere }, placeOf) {
  const others = elsewhere.map(({ location, quantity }) => `${quantity} at ${placeOf(location)}`);
  const rest = others.length === 0 ? "" : ` More is at hand there: ${others.join(", ")}.`;
  return `${wanted} of ${sku} are needed and ${sellable} can be sent now.${rest}`;
}
