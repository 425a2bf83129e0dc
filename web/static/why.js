/**
 * Asking why before something is done that nobody can undo: a dialog (`why.html`) that says what it
 * means.
 *
 * It stands outside of what news paint anew, so they take nothing from it that was typed.
 */

import { Unanswered } from "./asking.js";
import { at } from "./elements.js";

/**
 * @param {object} page
 *   ask(what, reason)  does it; what had no answer is asked again with its key (`onceFor`)
 *   done(what, answer) tells that it is done
 *   refusal(error)     a refusal in words; throws what is none
 *   unanswered         what no answer means, in words
 *   tell(text, tone)   tells what came of it where the dialog was closed meanwhile
 * @returns {{open: (what: object) => void, close: () => void}} `what` has a `key`, by which it is
 *   the same again, the dialog's `title`, and `label`, what its button says
 */
export function whyDialog({ ask, done, refusal, unanswered, tell }) {
  let shown = null;

  function open(what) {
    if (what.key !== shown?.key) at("why-form").reset();
    shown = what;
    at("why-title").textContent = what.title;
    at("why-do").textContent = what.label;
    at("why-said").textContent = "";
    at("why").showModal();
  }

  async function act() {
    const what = shown;
    at("why-do").disabled = true;
    at("why-said").textContent = "";
    try {
      const answer = await ask(what, at("why-reason").value.trim());
      if (shown === what) at("why").close();
      done(what, answer);
    } catch (error) {
      if (error instanceof Unanswered) answer(unanswered, "warn");
      else answer(refusal(error), "bad");
    } finally {
      at("why-do").disabled = false;
    }
  }

  function answer(text, tone) {
    if (!at("why").open) {
      tell(text, tone);
      return;
    }
    at("why-said").dataset.tone = tone;
    at("why-said").textContent = text;
  }

  at("why-form").addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
  at("why-keep").addEventListener("click", () => at("why").close());
  return { open, close: () => at("why").close() };
}
