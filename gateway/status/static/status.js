/**
 * Keeps the status page true without a reload.
 *
 * The gateway paints; this only puts what changed in the place of the old, so that a screen reader
 * hears of the headline alone and a selection elsewhere survives. Two things are
 * decided here, because only the reader can know them: that nothing is heard any more, and what
 * time it is at the gateway between two paintings.
 */

import { locale, say, show } from "./saying.js";

const SILENCE_MS_MAX = 35_000; // two heartbeats of 15 s missed, and some air
const RETRY_MS = 3_000;
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const DIFFERENCE_MS_SHOWN = 60_000; // less than a minute is nobody's trouble

const timeZone = document.documentElement.dataset.timezone;
const clockFormat = { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const hours = new Intl.DateTimeFormat(locale, clockFormat);
const seconds = new Intl.DateTimeFormat("en-GB", { ...clockFormat, second: "2-digit" });
const dates = new Intl.DateTimeFormat(locale, { ...clockFormat, day: "numeric", month: "short" });

const title = document.title;
const contact = document.getElementById("contact");
const live = document.getElementById("live");

let heardAt = Date.now(); // by this device's clock
let ahead = 0; // the gateway's clock minus this device's, in ms
let state = "waiting"; // waiting | live | lost | refused
let source = null;
let retry = null;

/** Puts the parts of a painting in place; what did not change is not touched. */
function place(html) {
  const painting = document.createElement("template");
  painting.innerHTML = html;
  for (const fresh of painting.content.querySelectorAll("[data-part]")) {
    const shown = document.querySelector(`[data-part="${fresh.dataset.part}"]`);
    if (shown !== null) settle(shown, fresh);
  }
}

/**
 * Makes one node like another, from the inside where both are built alike: a button under a finger
 * or with the keys on it stays the same button while the text beside it changes.
 */
function settle(shown, fresh) {
  if (shown.isEqualNode(fresh)) return;
  const before = [...shown.childNodes];
  const after = [...fresh.childNodes];
  if (shown.nodeName !== fresh.nodeName || before.length !== after.length) {
    shown.replaceWith(fresh);
  } else if (shown.nodeType === Node.TEXT_NODE) {
    shown.data = fresh.data;
  } else {
    for (const { name } of [...shown.attributes]) {
      if (!fresh.hasAttribute(name)) shown.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    }
    before.forEach((node, place) => settle(node, after[place]));
  }
}

function hear(gatewayTime) {
  heardAt = Date.now();
  ahead = Date.parse(gatewayTime) - heardAt;
}

function enter(next) {
  state = next;
  document.body.dataset.contact = state;
  live.dataset.live = state;
  contact.hidden = state === "live" || state === "waiting";
  tick();
}

/** Brings every text that depends on the time up to date. */
function tick() {
  const now = Date.now();
  if ((state === "live" || state === "waiting") && now - heardAt > SILENCE_MS_MAX) {
    reopen();
    enter("lost");
    return;
  }
  if (state === "live") {
    const gatewayTime = document.getElementById("gateway-time");
    show(seconds.format(now + ahead), gatewayTime);
    gatewayTime.dateTime = new Date(now + ahead).toISOString();
    show(liveText(), live);
    document.title = title;
    return;
  }
  const since = (now - heardAt < DAY_MS ? hours : dates).format(heardAt + ahead);
  if (state === "lost") {
    tellLost("lost", since);
  } else if (state === "refused") {
    tellLost("refused", since);
  }
}

function tellLost(how, since) {
  show(say(`live.${how}`, { since }), contact);
  show(say(`live.${how}_do`), live);
  document.title = `${say(`live.${how}_title`)} · ${title}`;
}

function liveText() {
  if (Math.abs(ahead) < DIFFERENCE_MS_SHOWN) return say("live.on");
  const way = ahead > 0 ? "live.ahead" : "live.behind";
  return say(way, { duration: duration(Math.abs(ahead)) });
}

/** Says a time span in its largest unit: "3 minutes", "26 hours", "20 days". */
function duration(ms) {
  const [unit, length] = ms < 2 * HOUR_MS ? ["minute", 60_000]
    : ms < 2 * DAY_MS ? ["hour", HOUR_MS] : ["day", DAY_MS];
  const form = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(locale, form).format(Math.round(ms / length));
}

function open() {
  retry = null;
  source = new EventSource(`/status/events?view=page&lang=${document.documentElement.lang}`);
  source.addEventListener("page", (event) => {
    place(event.data);
    hear(document.getElementById("gateway-time").dateTime);
    enter("live");
  });
  source.addEventListener("heartbeat", (event) => {
    hear(event.data);
    enter("live");
  });
  source.addEventListener("error", () => {
    // CLOSED: something answered, but not with a stream. Otherwise nothing answered at all.
    const refused = source.readyState === EventSource.CLOSED;
    reopen();
    enter(refused ? "refused" : "lost");
  });
}

/** One way to come back for every kind of loss, ours, so that it is bounded and always goes on. */
function reopen() {
  source.close();
  clearTimeout(retry);
  retry = setTimeout(open, RETRY_MS);
}

hear(document.getElementById("gateway-time").dateTime);
enter("waiting");
open();
setInterval(tick, 1_000);
document.addEventListener("visibilitychange", tick); // a phone that slept looks at once
addEventListener("pagehide", () => {
  clearTimeout(retry);
  source.close();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) open(); // back from the browser's history
});
