/**
 * Writing a register off: the page says what that means and asks why before it is done.
 *
 * The dialog stands outside of what the gateway paints, so news take nothing from it that was typed.
 */

import { Unanswered } from "./asking.js";
import { say, show } from "./saying.js";

const at = (id) => document.getElementById(id);

/**
 * The dialog.
 *
 * @param {object} desk  {ask(path, body), tell(text, tone), refusalSaid(error)}; a request that had
 *                       no answer is asked again with its key
 */
export function writeOffs({ ask, tell, refusalSaid }) {
  let shown = null; // the button's data: {lost, writer, about}

  function open(gone) {
    if (gone.writer !== shown?.writer) at("lost-form").reset();
    shown = { ...gone };
    const register = shown.about;
    show(say("lost.title", { register }), at("lost-title"));
    show(say("lost.do", { register }), at("lost-do"));
    show("", at("lost-said"));
    at("lost").showModal();
  }

  async function writeOff() {
    const { lost, writer, about } = shown;
    at("lost-do").disabled = true;
    show("", at("lost-said"));
    try {
      await ask(lost, { reason: at("lost-reason").value.trim(), writer });
      if (shown.writer === writer) at("lost").close();
      tell(say("told.lost", { register: about }), "good");
    } catch (error) {
      if (error instanceof Unanswered) answer(say("lost.no_answer"), "warn");
      else answer(refusalSaid(error), "bad");
    } finally {
      at("lost-do").disabled = false;
    }
  }

  /** Says it where the person is: the dialog may have been closed meanwhile. */
  function answer(text, tone) {
    if (!at("lost").open) {
      tell(text, tone);
      return;
    }
    at("lost-said").dataset.tone = tone;
    show(text, at("lost-said"));
  }

  at("lost-form").addEventListener("submit", (event) => {
    event.preventDefault();
    writeOff();
  });
  at("lost-keep").addEventListener("click", () => at("lost").close());
  return { open, close: () => at("lost").close() };
}
