/**
 * Problem details in the team's words: a problem -> messages of `words.js`. Pure.
 *
 * What the gateway says in English only (`detail`) is used where there is nothing better to say.
 */

/** What stands first, and the sentences below it; `event` is what was told, if anything was. */
export function problemWords({ slug, problem }, event) {
  const detail = { key: "said", values: { detail: problem.detail } };
  const refused = { key: event === undefined ? "refused" : "eventRefused" };
  switch (slug) {
    case "conflict":
      if (problem.field === "$.pickup_code") return { title: { key: "codeWrong" }, sentences: [{ key: "codeWrongDo" }] };
      if (problem.order_status !== undefined) {
        return { title: refused, sentences: [{ key: "movedOn", values: { status: { key: `status_${problem.order_status}` } } }] };
      }
      break;
    case "price-changed":
      return { title: { key: "dueChanged" }, sentences: [{ key: "dueChangedDo" }] };
    case "not-found":
      return { title: { key: "gone" }, sentences: [{ key: "goneDo" }] };
    case "storage":
      return { title: { key: "storage" }, sentences: [{ key: "storageDo" }, detail] };
    case "unavailable":
      return { title: { key: "stopped" }, sentences: [detail] };
    case "unauthenticated":
      return { title: { key: "tokenUnknown" }, sentences: [{ key: "tokenDo" }] };
    case "forbidden":
      return { title: { key: "forbidden" }, sentences: [detail, { key: "tokenDo" }] };
    case "rate-limited":
      return { title: { key: "busy" }, sentences: [] };
  }
  return { title: refused, sentences: [detail] };
}
