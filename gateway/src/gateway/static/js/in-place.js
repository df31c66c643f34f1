// How a form with what people wrote leaves: by `fetch`, and the page that answers comes in this one's place. So no body
// of a form is in the history, which a browser writes to the disk. Without this module the form leaves by itself.

const MARKED = "form[data-in-place]";
const ENDED = new Set([201, 410]); // the report was stored: no page before this one is shown again
const starts = [];
const pages = new Map(); // by their number in the history, in memory only: Back and Forward lose nothing
let number = history.state?.page ?? 0;
let isWritten = false; // something that nobody stored yet
let isBusy = false;

/** Nobody answers, or somebody between us who is not the gateway. */
export class Away extends Error {}

/** Runs this now, and again for each page that comes in the place of this one. */
export function eachPage(start) {
  starts.push(start);
  start();
}

/** The answer to a form. Throws `Away` when none comes. Nothing else of the page leaves meanwhile. */
export async function answerTo(form, button) {
  const body = new FormData(form);
  if (button?.name) body.append(button.name, button.value);
  const isMultipart = (button?.getAttribute("formenctype") ?? form.enctype) === "multipart/form-data";
  isBusy = true;
  setLeaving(form, true);
  try {
    const answer = await fetch(form.getAttribute("action") ?? "", {
      method: "POST",
      body: isMultipart ? body : new URLSearchParams([...body].filter(([, value]) => typeof value === "string")),
      headers: { accept: "text/html" },
    });
    return { address: answer.url, isElsewhere: answer.redirected, status: answer.status, html: await answer.text() };
  } catch (error) {
    throw new Away(error.message);
  } finally {
    isBusy = false;
    setLeaving(form, false);
  }
}

/** Shows an answer as a page of its own. Throws `Away` when it is no page of ours. */
export async function show({ address, isElsewhere, status, html }) {
  if (isElsewhere) return location.assign(address);
  const fresh = new DOMParser().parseFromString(html, "text/html");
  if (!fresh.getElementById("main")) throw new Away(`no page of ours: ${status}`);
  const scripts = missing(fresh, "script[src]");
  await Promise.all(missing(fresh, "link[rel=stylesheet]").map(add));
  if (ENDED.has(status)) end();
  else remember();
  number += 1;
  history.pushState({ page: number }, "", address);
  put({ body: document.adoptNode(fresh.body), title: fresh.title });
  scrollTo(0, 0);
  for (const start of starts) start();
  scripts.forEach(add);
}

/** Tells that a form is leaving, on its buttons too. */
export function setLeaving(form, isLeaving) {
  for (const each of form.querySelectorAll("button")) {
    if (isLeaving) each.setAttribute("aria-disabled", "true");
    else each.removeAttribute("aria-disabled");
  }
}

/** For Back and Forward; no password stays in a field. */
function remember() {
  for (const each of document.querySelectorAll("input[type=password][name]")) each.value = "";
  pages.set(number, { body: document.body, title: document.title });
}

function end() {
  pages.clear();
  isWritten = false;
}

/** What the head of another page names and this one's does not; a newer version waits for the next visit. */
function missing(fresh, kind) {
  const nameOf = (each) => (each.href ?? each.src).replace(/^.*\/static\/[^/]*\//, "");
  const here = new Set([...document.head.querySelectorAll(kind)].map(nameOf));
  return [...fresh.head.querySelectorAll(kind)].filter((each) => !here.has(nameOf(each)));
}

/** Adds it to the head, and waits until it is there, or cannot come. */
function add(wanted) {
  const each = document.createElement(wanted.localName);
  for (const { name, value } of wanted.attributes) each.setAttribute(name, value);
  return new Promise((resolve) => {
    each.addEventListener("load", resolve);
    each.addEventListener("error", resolve);
    document.head.append(each);
  });
}

/** Shows a page; the keyboard and the screen reader go on where it begins. */
function put({ body, title }) {
  document.body.replaceWith(body);
  document.title = title;
  const place = body.querySelector("[autofocus]") ?? body.querySelector("h1");
  if (!place.matches("a, button, input, select, textarea")) place.tabIndex = -1;
  place.focus();
}

async function leave(form, button) {
  const status = form.querySelector("[data-status]");
  const { busy, away } = document.body.dataset;
  status.textContent = busy;
  try {
    await show(await answerTo(form, button));
    status.textContent = "";
  } catch (error) {
    if (!(error instanceof Away)) throw error;
    console.info("nobody answers", error.message);
    status.textContent = away;
    status.scrollIntoView({ block: "nearest" });
  }
}

/** Another page of this document by Back or Forward; one that is gone is asked for anew. */
function turnTo({ state }) {
  if (!state) return history.replaceState({ page: number }, ""); // a link to a place in this page
  if (state.page === number) return;
  const found = pages.get(state.page);
  remember();
  number = state.page;
  if (!found) return location.reload();
  put(found);
}

/** Whether leaving this document would lose something: what was written, an answer on its way, a receipt. */
const wouldLose = () => isBusy || isWritten || document.getElementById("receipt") !== null;

history.replaceState({ page: number }, ""); // also when this page came by a POST: its body leaves the history
addEventListener("popstate", turnTo);
addEventListener("beforeunload", (event) => {
  if (!wouldLose()) return;
  event.preventDefault();
  event.returnValue = true; // for older browsers
});
document.addEventListener("input", ({ target }) => (isWritten ||= target.form?.elements.namedItem("key") instanceof Element));
document.addEventListener(
  "submit",
  (event) => {
    if (!isBusy || !event.target.matches(MARKED)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !event.target.matches(MARKED)) return;
  if (!("submitter" in event)) return; // an older browser cannot tell which button was pressed
  event.preventDefault();
  leave(event.target, event.submitter);
});
eachPage(() => {
  for (const form of document.querySelectorAll(MARKED)) {
    if (form.querySelector("[data-status]")) continue;
    const status = document.createElement("p");
    status.className = "utrecht-paragraph v-sending";
    status.setAttribute("role", "status");
    status.dataset.status = "";
    form.append(status);
  }
});
