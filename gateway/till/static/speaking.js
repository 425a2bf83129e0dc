/** The reader's language: the first one, and another one that is chosen. */

import { at } from "./elements.js";
import { numbersFor } from "./numbers.js";
import { readGiven } from "./pricing.js";
import { paintContact } from "./screen.js";
import { render } from "./showing.js";
import { firstLanguage, localeOf, offerLanguages, sayPage, speakerOf } from "./speech.js";
import { shop, till } from "./state.js";
import { WORDS } from "./words.js";

const LANGUAGE = "countertop.language"; // the browser's, for all pages of this address

/** What was chosen in this browser, else what it prefers. */
export function speakFirst() {
  offerLanguages(at("language"));
  speak(firstLanguage(localStorage.getItem(LANGUAGE), navigator.languages));
}

export function choose(language) {
  localStorage.setItem(LANGUAGE, language);
  speak(language);
}

function speak(language) {
  till.language = language;
  till.speaker = speakerOf(language, WORDS[language]);
  till.numbers = numbersFor(localeOf(language, navigator.languages), shop);
  sayPage(language, till.speaker);
  document.title = `${shop.name} · ${till.speaker.text({ key: "till" })}`;
  at("language").value = language;
  paintContact(till, at("contact").dataset.live);
  readGiven();
  render();
}
