/** Store credits that a customer shows: what each of them pays, and what is left to pay. Pure. */

const PRINTED = /^[a-z0-9][a-z0-9-]*-\d+-\d+-[a-z]{3}-[a-z0-9]{7}$/i;

/** Whether a scan is the code on a credit note, and no goods; the gateway says what it is worth. */
export function isCreditCode(code) {
  return PRINTED.test(code.trim());
}

/**
 * The first credits pay first, each as much as it has and as is still to be paid.
 *
 * @param {{code: string, left_minor: number}[]} credits
 * @returns {{tenders: object[], paid_minor: number, due_minor: number}} as a sale names them
 */
export function paidByCredits(credits, total_minor) {
  const tenders = [];
  let due_minor = total_minor;
  for (const { code, left_minor } of credits) {
    const amount_minor = Math.min(left_minor, due_minor);
    if (amount_minor === 0) continue;
    tenders.push({ type: "store_credit", amount_minor, credit: code });
    due_minor -= amount_minor;
  }
  return { tenders, paid_minor: total_minor - due_minor, due_minor };
}

/** Why a credit does not pay, from a problem that names it: a title and sentences of `words.js`. */
export function creditWords(problem, { numbers, nowMs }) {
  const { credit, reason, currency } = problem;
  const title = { key: "creditRefused", values: { credit } };
  if (reason === "held") return { title, sentences: problem.elsewhere.map(lies) };
  const left = problem.left_minor ?? null;
  const values = left === null ? {} : { left: numbers.money(left, currency) };
  return { title, sentences: [{ key: `credit_${reason}`, values }] };

  function lies({ location, name, amount_minor, last_heard }) {
    const heard = last_heard === null ? { key: "notHeard" }
      : { key: "heard", values: { time: numbers.time(last_heard, nowMs) } };
    const amount = numbers.money(amount_minor, currency);
    return { key: "credit_held", values: { amount, place: name ?? location, heard } };
  }
}
