/**
 * A page's elements: found by their id, made in a line, and left alone while they say the same.
 *
 * Whatever comes from elsewhere goes in as text and is isolated: it is never markup, and never
 * reorders what stands around it.
 */

/** A part of the page by its id. */
export function at(id) {
  return document.getElementById(id);
}

/** An element with its properties; a child is an element, or text. */
export function element(kind, properties = {}, ...children) {
  const made = document.createElement(kind);
  const { data = {}, aria = {}, on = {}, ...own } = properties;
  Object.assign(made, own);
  Object.assign(made.dataset, data);
  for (const [name, value] of Object.entries(aria)) made.setAttribute(`aria-${name}`, value);
  for (const [name, act] of Object.entries(on)) made.addEventListener(name, act);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Text from elsewhere, with a direction of its own. */
export function isolated(text) {
  return element("bdi", { textContent: text });
}

const shown = new WeakMap();
const valueMade = new WeakMap();

const FIELDS = "form :is(input, select)[data-focus]";

function partOf(child, { dataset }) {
  return child.querySelector(`[data-focus="${CSS.escape(dataset.focus)}"]`);
}

/** News must not take what a person has opened, chosen or typed and not sent yet. */
function keepUnsent(old, made) {
  for (const part of old.querySelectorAll("details[data-focus][open]")) partOf(made, part)?.setAttribute("open", "");
  for (const field of old.querySelectorAll(FIELDS)) {
    const next = partOf(made, field);
    if (next?.value === valueMade.get(field)) next.value = field.value;
  }
}

/**
 * Makes the children of `container` those of `items`, in their order.
 *
 * A child whose item says the same stays as it is, with whatever is being typed into it. Where a
 * child had to be made anew, its parts with the same `data-focus` keep what a person has done there:
 * the keys stay, an opened part stays open, and a form's field keeps what was typed or chosen unless
 * the item gives it another value now. So a form is read when it is sent, not while it is filled.
 *
 * @param {(item: object) => string} keyOf  which child an item is
 * @param {(item: object) => Element} make
 */
export function fill(container, items, keyOf, make) {
  const before = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const focused = container.contains(document.activeElement) ? document.activeElement : null;
  const focusedKey = focused?.closest("[data-key]")?.dataset.key;
  let place = container.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const said = JSON.stringify(item);
    let child = before.get(key);
    if (child === undefined || shown.get(child) !== said) {
      child = make(item);
      child.dataset.key = key;
      shown.set(child, said);
      for (const field of child.querySelectorAll(FIELDS)) valueMade.set(field, field.value);
      if (before.has(key)) keepUnsent(before.get(key), child);
    } else {
      before.delete(key);
    }
    if (child === place) place = place.nextElementSibling;
    else container.insertBefore(child, place);
  }
  for (const child of before.values()) child.remove();
  if (focused === null || focused.isConnected) return;
  const child = [...container.children].find((one) => one.dataset.key === focusedKey);
  const part = child && (partOf(child, focused) ?? child);
  part?.focus();
}
