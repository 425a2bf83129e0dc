/**
 * A page's own elements: made in a line, and left alone while they say the same.
 *
 * Whatever comes from elsewhere goes in as text and is isolated: it is never markup, and never
 * reorders what stands around it.
 */

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

/**
 * Makes the children of `container` those of `items`, in their order.
 *
 * A child whose item says the same stays as it is, with whatever is being typed into it. Where a
 * child had to be made anew, the keys stay at its part with the same `data-focus`.
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
    } else {
      before.delete(key);
    }
    if (child === place) place = place.nextElementSibling;
    else container.insertBefore(child, place);
  }
  for (const child of before.values()) child.remove();
  if (focused === null || focused.isConnected) return;
  const child = [...container.children].find((one) => one.dataset.key === focusedKey);
  const part = child?.querySelector(`[data-focus="${focused.dataset.focus}"]`) ?? child;
  part?.focus();
}
