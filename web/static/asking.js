/**
 * Asking the program that served this page, and no other: every address is relative to the page.
 *
 * There are three ends: an answer, a problem (the program says no, in words), and no answer, which
 * says nothing about what was done.
 */

import { HEADER, witnessIn } from "./witness.js";

const ANSWER_MS_MAX = 8_000; // a sale that has to borrow takes half a second

/** The program says no: RFC 9457's members, the slug of its type, and the witness that came with it. */
export class Refused extends Error {
  constructor(problem, retryAfterMs, seen = null) {
    super(problem.detail);
    this.problem = problem;
    this.slug = problem.type.split("/").pop();
    this.retryAfterMs = retryAfterMs;
    this.seen = seen;
  }
}

/** Nobody knows what became of the request. */
export class Unanswered extends Error {}

/** 128 random bits for an Idempotency-Key; randomUUID is not there on plain http. */
export function newKey(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `${prefix}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * A way to ask with one token.
 *
 * @param {string} token
 * @param {object | null} witness  `witnessOf` the store, of pages that show what they have seen
 */
export function askerFor(token, witness = null) {
  let writer = null; // of the last answer
  let aheadMs = 0; // of the program's clock, which the device's own may not agree with

  /** @returns the answer, as JSON or, when it is not JSON, as text. Throws the two above. */
  async function ask(method, path, options) {
    try {
      return await askOnce(method, path, options);
    } catch (error) {
      const isDoubted = error instanceof Refused && error.problem.witness !== undefined;
      if (!isDoubted || witness === null) throw error;
      witness.take(error.seen); // nothing was done: it is asked as the gateway is
      return askOnce(method, path, options);
    }
  }

  async function askOnce(method, path, { body, key, patienceMs = ANSWER_MS_MAX, isFile = false } = {}) {
    const headers = { Authorization: `Bearer ${token}` };
    if (witness !== null && witness.text !== null) headers[HEADER] = witness.text;
    if (key !== undefined) headers["Idempotency-Key"] = key;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    let text;
    try {
      const signal = AbortSignal.timeout(patienceMs);
      response = await fetch(path, { method, headers, body, signal, cache: "no-store" });
      if (isFile && response.ok) return await response.blob();
      text = await response.text();
    } catch (error) {
      throw new Unanswered(String(error));
    }
    const dated = Date.parse(response.headers.get("Date") ?? "");
    // The header has whole seconds: its last instant, so that no countdown promises too much.
    if (!Number.isNaN(dated)) aheadMs = dated + 999 - Date.now();
    const seen = witnessIn(response.headers.get(HEADER));
    writer = seen?.writer ?? writer;
    witness?.see(seen);
    return read(response, text, seen);
  }

  return {
    /** The gateway that answered last: another one may have taken its place meanwhile. */
    get writer() {
      return writer;
    },
    /** Whether a gateway of that name did not believe what was seen of it. */
    isDisputed: (name) => witness?.isDisputed(name) ?? false,
    get: (path) => ask("GET", path),
    post: (path, body, key, patienceMs) => ask("POST", path, { body, key, patienceMs }),
    delete: (path) => ask("DELETE", path),
    /** A file, as a Blob to save; whoever asks for one waits longer. */
    file: (path, patienceMs) => ask("GET", path, { isFile: true, patienceMs }),
    /** The time at the program as its last answer said it, up to a second ahead. */
    nowMs: () => Date.now() + aheadMs,
  };
}

/**
 * A way to ask for a change once: until there is a success, the same request has the same key, so
 * that whoever got no answer may simply ask again.
 */
export function onceFor(asker, prefix) {
  const asked = new Map(); // what was asked -> its key
  return async (path, body) => {
    const text = JSON.stringify(body);
    const what = `${path} ${text}`;
    const key = asked.get(what) ?? newKey(prefix);
    asked.set(what, key);
    const done = await asker.post(path, text, key);
    asked.delete(what);
    return done;
  };
}

function read(response, text, seen) {
  const type = response.headers.get("Content-Type") ?? "";
  if (response.ok && !type.includes("json")) return text;
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Unanswered(`status ${response.status} without an answer`); // cut, or a proxy's own page
  }
  if (response.ok) return json;
  if (!type.startsWith("application/problem+json")) {
    throw new Unanswered(`status ${response.status} from somebody else`);
  }
  const retryAfterMs = 1000 * Number(response.headers.get("Retry-After") ?? 0);
  throw new Refused(json, retryAfterMs, seen);
}
