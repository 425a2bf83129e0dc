/**
 * What the page's scripts say: the words that came with the page, in its language.
 *
 * A value is isolated (U+2068 ... U+2069), so that a name or a number never reorders the sentence
 * around it; so does the gateway with the words that it paints.
 */

const words = JSON.parse(document.documentElement.dataset.words);
const isRtl = document.documentElement.dir === "rtl";

/** The reader's language with the digits 0 to 9, as on the rest of the page. */
export const locale = `${document.documentElement.lang}-u-nu-latn`;

/** The words of `key` with `values` put in. */
export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => isolated(String(values[name])));
}

/** Puts a text in place; nothing is touched when it stands there already. */
export function show(text, element) {
  if (element.textContent !== text) element.textContent = text;
}

function isolated(value) {
  return isRtl || !/^[\x20-\x7e]*$/.test(value) ? `\u2068${value}\u2069` : value;
}
