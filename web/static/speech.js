/**
 * Saying things in the reader's language, and the one way to say them.
 *
 * A message is {key, values, count}; `count` chooses among plural forms where a language has them.
 * A value is text, or a message. {list: [message, ...]} is several, joined as the language joins
 * them. Values go into <bdi>: a SKU, a number or a name from elsewhere keeps its own direction and
 * never reorders the sentence around it. What is typed as it stands is isolated in the text itself.
 *
 * A page has a table of words per language; each has the same keys.
 */

import { at } from "./elements.js";

export const LANGUAGES = {
  en: { name: "English", direction: "ltr", join: "; ", end: "." },
  ar: { name: "العربية", direction: "rtl", join: "؛ ", end: "." },
};

/** The language to begin with: what was chosen before, else the browser's, else English. */
export function firstLanguage(chosen, preferred) {
  const wanted = [chosen, ...preferred].map((tag) => tag?.split("-")[0]);
  return wanted.find((tag) => tag in LANGUAGES) ?? "en";
}

/** The reader's own region of a language, which knows his digits; else the language as such. */
export function localeOf(language, preferred) {
  return preferred.find((tag) => tag.split("-")[0] === language) ?? language;
}

/** A speaker of one language, with its table of words. */
export function speakerOf(language, table) {
  const plurals = new Intl.PluralRules(language);

  function form({ key, count }) {
    const words = table[key];
    if (typeof words === "string") return words;
    // "None left" is a form of its own also where the language's grammar has none for zero.
    const category = count === 0 && "zero" in words ? "zero" : plurals.select(count);
    return words[category] ?? words.other;
  }

  function nodes(message) {
    if (message.list !== undefined) return joined(message.list);
    const parts = form(message).split(/\{(\w+)\}/);
    return parts.flatMap((part, at) => at % 2 === 0 ? (part === "" ? [] : [part]) : value(message.values[part]));
  }

  function joined(list) {
    const { join, end } = LANGUAGES[language];
    return [...list.flatMap((one, at) => at === 0 ? nodes(one) : [join, ...nodes(one)]), end];
  }

  function value(given) {
    if (typeof given === "object") return nodes(given);
    const isolate = document.createElement("bdi");
    isolate.textContent = given;
    return [isolate];
  }

  return {
    /** Puts a message into an element; nothing is touched when it says that already. */
    say(element, message) {
      const fresh = document.createElement(element.localName);
      fresh.append(...nodes(message));
      if (fresh.innerHTML !== element.innerHTML) element.replaceChildren(...fresh.childNodes);
    },
    /** Whether there are words for that; who asks knows what to say where there are none. */
    has: (key) => key in table,
    /** A message as bare text, for attributes, which nobody sees. */
    text: (message) => nodes(message).map((node) => node.textContent ?? node).join(""),
  };
}

/** Puts all languages into a <select>, each in its own script. */
export function offerLanguages(select) {
  for (const [tag, { name }] of Object.entries(LANGUAGES)) {
    const option = new Option(name, tag);
    option.lang = tag;
    select.append(option);
  }
}

/** Turns the page to a language: its direction, and every part that says one thing alone. */
export function sayPage(language, speaker) {
  document.documentElement.lang = language;
  document.documentElement.dir = LANGUAGES[language].direction;
  for (const part of document.querySelectorAll("[data-say]")) {
    speaker.say(part, { key: part.dataset.say });
  }
}

/**
 * Shows what must be read in the page's `#notice`, or nothing.
 *
 * @param {{words: () => {title: object, sentences: object[]}, tone: string} | null} notice
 */
export function paintNotice(notice, speaker) {
  at("notice").hidden = notice === null;
  if (notice === null) return;
  at("notice").dataset.tone = notice.tone;
  const { title, sentences } = notice.words();
  speaker.say(at("notice-title"), title);
  at("notice-sentences").replaceChildren(...sentences.map((sentence) => {
    const line = document.createElement("p");
    speaker.say(line, sentence);
    return line;
  }));
}
