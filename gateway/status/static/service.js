/**
 * The buttons of the status page: who presses them, what is posted, and what came of it in words.
 *
 * Each button carries what it posts; the gateway paints it and the gateway says who may. The page
 * itself asks for no token. A token that is entered here stays in this window's session.
 */

import { Refused, Unanswered, askerFor, newKey, onceFor } from "./asking.js";
import { at } from "./elements.js";
import { say, show } from "./saying.js";
import { whyDialog } from "./why.js";

const TOKEN = "countertop.technician";
const SERVICE = new Set(["technician", "manager"]);
const PATIENCE_MS = { scan: 45_000 }; // somebody has to walk to the scanner first
const BUNDLE_MS_MAX = 60_000;

const underWay = new Set();
let asker = null;
let once = null; // asks for a change (`onceFor`)

function tell(text, tone = "idle") {
  at("told").dataset.tone = tone;
  at("told").dataset.shown = "yes";
  show(text, at("told-words"));
}

function hush() {
  delete at("told").dataset.shown;
  show("", at("told-words"));
}

// Who presses

async function enter(token) {
  const asked = askerFor(token);
  try {
    const who = await asked.get("/v1/token");
    const role = say(`role.${who.role}`);
    if (!SERVICE.has(who.role)) {
      leave();
      tell(say("told.role", { role }), "bad");
      return;
    }
    show(say("service.who", { name: who.name, role }), at("who"));
    at("desk").dataset.role = who.role;
  } catch (error) {
    if (error instanceof Unanswered) tell(say("told.away"), "warn");
    else tellProblem(error);
    return;
  }
  sessionStorage.setItem(TOKEN, token);
  asker = asked;
  once = onceFor(asked, "page");
  at("unlock").reset();
  hush();
  lock(false);
}

function leave() {
  sessionStorage.removeItem(TOKEN);
  asker = null;
  once = null;
  lost.close();
  lock(true);
}

function lock(isLocked) {
  at("desk").disabled = isLocked;
  at("unlock").hidden = !isLocked;
  at("unlocked").hidden = isLocked;
}

// What is pressed

async function press({ path, body, told, about }) {
  const one = `${path} ${body}`;
  if (asker === null || underWay.has(one)) return;
  underWay.add(one);
  if (told === "scan") tell(say("told.scanning", { device: about }));
  try {
    const answer = await asker.post(path, body, newKey("page"), PATIENCE_MS[told]);
    tellDone(told, about, answer);
  } catch (error) {
    tellProblem(error);
  } finally {
    underWay.delete(one);
  }
}

function tellDone(told, device, answer) {
  if (told === "scan" && answer.read === null) tell(say("told.silent", { device }), "warn");
  else tell(say(`told.${told}`, { device, code: answer.read ?? "" }), "good");
}

function tellProblem(error) {
  if (error instanceof Unanswered) tell(say("told.no_answer"), "warn");
  else tell(refusalSaid(error), "bad");
}

/** A refusal in words; a token that is not known any more is forgotten. */
function refusalSaid(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.slug === "unauthenticated") {
    leave();
    return say("told.unknown");
  }
  if (error.slug === "forbidden") return say("told.forbidden");
  return say("told.refused", { detail: error.message });
}

async function saveBundle() {
  if (asker === null || underWay.has("bundle")) return;
  underWay.add("bundle");
  try {
    const file = await asker.file("/v1/diagnostics", BUNDLE_MS_MAX);
    const name = `diagnostics-${document.documentElement.dataset.location}.zip`;
    const link = Object.assign(document.createElement("a"), { download: name });
    link.href = URL.createObjectURL(file);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), BUNDLE_MS_MAX); // saving takes a moment
    tell(say("told.bundle", { name }), "good");
  } catch (error) {
    tellProblem(error);
  } finally {
    underWay.delete("bundle");
  }
}

const lost = whyDialog({
  ask: ({ path, writer }, reason) => once(path, { reason, writer }),
  done: ({ register }) => tell(say("told.lost", { register }), "good"),
  refusal: refusalSaid,
  unanswered: say("lost.no_answer"),
  tell,
});

function askWhy({ lost: path, writer, about: register }) {
  const [title, label] = ["lost.title", "lost.do"].map((key) => say(key, { register }));
  lost.open({ key: writer, title, label, path, writer, register });
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-path]");
  if (button !== null) press(button.dataset);
  const gone = target.closest("button[data-lost]");
  if (gone !== null) askWhy(gone.dataset);
});
at("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(at("token").value.trim());
});
at("leave").addEventListener("click", leave);
at("bundle").addEventListener("click", saveBundle);
at("told-close").addEventListener("click", hush);

const kept = sessionStorage.getItem(TOKEN);
if (kept !== null) enter(kept);
