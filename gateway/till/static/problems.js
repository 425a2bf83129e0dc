/**
 * Problem details in the cashier's words: a problem -> messages of `words.js`. Pure.
 *
 * A message is {key, values}; a value may be a message itself. What the gateway says in English
 * only (`detail`) is used where there is nothing better to say.
 */

import { creditWords } from "./credit.js";

/** What is wrong with a code that nothing has, by its `fault`. */
const UNREAD = { "check-digit": "checkDigit", unreadable: "unreadable", "too-long": "unreadable" };

/** What stands first, and the sentences below it. `productName` says what a SKU is called. */
export function problemWords({ slug, problem }, { here, productName, numbers, nowMs }) {
  const detail = problem.detail;
  if (problem.credit !== undefined) return creditWords(problem, { numbers, nowMs });
  switch (slug) {
    case "quota-short":
      return {
        title: { key: "short", values: { product: productName(problem.sku) } },
        sentences: [shortSentence(problem, { here, numbers, nowMs })],
      };
    case "conflict":
      if (problem.sku === undefined) break;
      return {
        title: { key: "archived", values: { product: productName(problem.sku) } },
        sentences: [],
      };
    case "unknown-product":
      return {
        title: {
          key: UNREAD[problem.fault] ?? "unknown",
          values: { code: detail.match(/the code (.+)\.$/)?.[1] ?? "" },
        },
        sentences: [{ key: problem.fault in UNREAD ? "unreadDo" : "unknownDo" }],
      };
    case "invalid-request":
      if (problem.coupon === undefined) break;
      return {
        title: { key: "couponRefused", values: { coupon: problem.coupon } },
        sentences: [{ key: `coupon_${problem.reason}` }],
      };
    case "storage":
      return { title: { key: "storage" }, sentences: [{ key: "storageDo" }, said(detail)] };
    case "unavailable":
      return { title: { key: "stopped" }, sentences: [said(detail), { key: "stoppedDo" }] };
    case "unauthenticated":
      return { title: { key: "tokenUnknown" }, sentences: [{ key: "tokenDo" }] };
    case "forbidden":
      return { title: { key: "forbidden" }, sentences: [said(detail), { key: "tokenDo" }] };
    case "rate-limited":
      return { title: { key: "busy" }, sentences: [] };
  }
  return { title: { key: "refused" }, sentences: [said(detail)] };
}

/** "2 left here; 3 more are at Harbour, last heard 10:42." */
function shortSentence({ sellable, elsewhere }, { here, numbers, nowMs }) {
  const left = { key: "left", count: sellable, values: { units: numbers.count(sellable) } };
  const others = elsewhere.map((row) => ({
    key: row.location === here ? "keptOnline" : "moreAt",
    count: row.quantity,
    values: {
      units: numbers.count(row.quantity),
      place: row.name ?? row.location,
      heard: row.last_heard === null ? { key: "notHeard" }
        : { key: "heard", values: { time: numbers.time(row.last_heard, nowMs) } },
    },
  }));
  return { list: [left, ...others] };
}

function said(detail) {
  return { key: "said", values: { detail } };
}
