/**
 * Asking this gateway, and no other: every address is relative to the page.
 *
 * There are three ends: an answer, a problem (the gateway says no, in words), and no answer, which
 * says nothing about what was done.
 */

const ANSWER_MS_MAX = 8_000; // a sale that has to borrow takes half a second

/** The gateway says no: RFC 9457's members, with the slug of its type. */
export class Refused extends Error {
  constructor(problem, retryAfterMs) {
    super(problem.detail);
    this.problem = problem;
    this.slug = problem.type.split("/").pop();
    this.retryAfterMs = retryAfterMs;
  }
}

/** Nobody knows what became of the request. */
export class Unanswered extends Error {}

/** A way to ask with one token. */
export function gatewayFor(token) {
  /** @returns the answer, as JSON or, when it is not JSON, as text. Throws the two above. */
  async function ask(method, path, { body, key, patienceMs = ANSWER_MS_MAX } = {}) {
    const headers = { Authorization: `Bearer ${token}` };
    if (key !== undefined) headers["Idempotency-Key"] = key;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    let text;
    try {
      const signal = AbortSignal.timeout(patienceMs);
      response = await fetch(path, { method, headers, body, signal, cache: "no-store" });
      text = await response.text();
    } catch (error) {
      throw new Unanswered(String(error));
    }
    return read(response, text);
  }

  return {
    get: (path) => ask("GET", path),
    post: (path, body, key, patienceMs) => ask("POST", path, { body, key, patienceMs }),
  };
}

function read(response, text) {
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
  throw new Refused(json, 1000 * Number(response.headers.get("Retry-After") ?? 0));
}
