// The page of one report: opens what is sealed, and seals what is written, here in the browser.

import "./sealed-text.js";
import { text as decodeText } from "./bytes.js";
import * as calls from "./case-calls.js";
import { allowFiles, forgetFiles } from "./case-files.js";
import { CaseKeys } from "./case-keys.js";
import { forgetAsked, isAskedFor, warn, whenAsked } from "./case-unvouched.js";
import { allowCheck, forgetCheck } from "./check.js";
import { committed } from "./questions.js";
import { goOn, renew, writingHere } from "./renewal.js";
import { CannotOpen, context, openContent, sealContent, sealText } from "./sealing.js";
import { NoVault, SignedOut, Vault } from "./vault.js";
import { NotVouched } from "./vouching.js";

const place = document.getElementById("case");
const { municipality, report, csrf } = place.dataset;
const keys = new CaseKeys(place.dataset);
const said = JSON.parse(place.dataset.said);
const vault = new Vault(csrf);
const unlock = document.getElementById("unlock");
const opened = document.getElementById("opened");
const status = document.getElementById("unlock-status");
let told = null; // the sealed content of the report while it is open
let checkedVersion = 0; // of the report when its clear text was read
const known = new Map(); // what is open now, by the selector of its place
const namedFiles = new Set(); // that the sealed report itself names; no server can put another beside it

const post = (action, body) => calls.post(report, csrf, action, body);
const readReport = () => calls.read(report);

function lock(message = "") {
  known.clear();
  told = null;
  forgetAsked();
  for (const element of document.querySelectorAll("sealed-text")) element.hide();
  opened.querySelector("[data-part-list=answers]").replaceChildren();
  forgetFiles();
  forgetCheck();
  opened.hidden = true;
  unlock.hidden = false;
  status.textContent = message;
}

async function openAll() {
  const { sealed, attachments = [] } = await post("openings", { purpose: unlock.elements.purpose.value });
  namedFiles.clear();
  for (const each of sealed) {
    const isAsked = each.compartment === "content" && isAskedFor();
    const isShown = (await isVouchedFor(each)) || isAsked;
    const content = isShown ? await openPart(each).catch(() => null) : null;
    requireOpen();
    if (isShown) show(each, content);
    else showUnvouched(each);
  }
  await renewCheck();
  requireOpen();
  // At last: whoever goes on to a file at once must not have the focus taken away.
  allowFiles(vault, municipality, attachments.filter(({ id }) => namedFiles.has(id)));
}

/** Throws when the vault was locked while something was opened: it is not shown any more. */
function requireOpen() {
  if (!vault.isOpen) throw new SignedOut();
}

async function openPart(each) {
  const opened = await openContent(each.sealed, vault.keys, municipality, each.compartment, boundTo(each));
  const plain = decodeText(opened);
  return each.compartment === "question-copy" ? keys.requireQuestion(plain, each.digest) : plain;
}

/** Whether this comes from where it says: the content from intake, a reply from the reporter. */
async function isVouchedFor(each) {
  try {
    if (each.compartment === "content") await keys.requireContent(each.sealed);
    if (each.compartment === "reply") await keys.requireReply(each);
    return true;
  } catch (error) {
    if (error instanceof NotVouched) return false;
    throw error;
  }
}

/** What a compartment of this report is bound to; another report's would not open under it. */
const boundTo = ({ compartment, subject }) =>
  ({ content: report, reply: subject })[compartment] ?? `${report}/${subject}`;

function show({ compartment, subject, replyId, digest }, content) {
  if (compartment === "content") {
    if (content !== null) showContent((told = JSON.parse(content)));
    else opened.querySelector("[data-part=description]").reveal(said.unreadable);
    return;
  }
  const names = { "question-copy": ["question", subject], reply: ["reply", replyId], note: ["note", subject] };
  const [name, id] = names[compartment] ?? [];
  if (name) reveal(name, id, content ?? (digest ? said.other_question : said.unreadable));
}

function showUnvouched({ compartment, replyId }) {
  if (compartment !== "content") return reveal("reply", replyId, said.unvouched);
  opened.querySelector("[data-part=description]").reveal(warn() ? said.unknown : said.unvouched);
}

function reveal(name, id, content) {
  const selector = `sealed-text[data-${name}="${CSS.escape(id)}"]`;
  known.set(selector, content);
  document.querySelector(selector)?.reveal(content);
}

function showContent({ description, answers, address, neighbourhood, attachments = [], ...more }) {
  for (const id of attachments) namedFiles.add(id);
  const kind = more.locationType?.replaceAll("-", " ");
  opened.querySelector("[data-part=description]").reveal(description);
  const rows = Object.values(answers ?? {}).map((answer) => {
    const row = document.createElement("p");
    row.className = "v-prose";
    row.textContent = answer;
    return row;
  });
  opened.querySelector("[data-part-list=answers]").replaceChildren(...rows);
  showRow("address", [address, neighbourhood, kind]);
  showRow("location", [more.location?.latitude, more.location?.longitude]);
  showRow("reporter", [more.reporter?.name, more.reporter?.phone]);
}

/** What of these there is, on one line of its own. */
function showRow(name, parts) {
  const told = parts.filter(Boolean).join(", ");
  opened.querySelector(`[data-part-row=${name}]`).hidden = !told;
  opened.querySelector(`[data-part=${name}]`).reveal(told);
}

/** What to tell of an error that is no refusal of the thing itself. */
const trouble = (error) =>
  error instanceof SignedOut ? said.expired : error instanceof NotVouched ? said.untrusted : said.away;

unlock.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { passphrase } = unlock.elements;
  const button = unlock.querySelector("button");
  button.disabled = true;
  status.textContent = said.opening;
  try {
    await vault.unlock(passphrase.value, () => lock(said.locked));
    await openAll();
    requireOpen();
    passphrase.value = "";
    unlock.hidden = true;
    opened.hidden = false;
    status.textContent = said.opened;
    opened.querySelector("h3").tabIndex = -1;
    opened.querySelector("h3").focus();
  } catch (error) {
    if (vault.isOpen) vault.lock();
    if (error instanceof SignedOut) passphrase.value = ""; // whoever sits here now did not type it
    const isWrong = error instanceof CannotOpen;
    const isKeyless = error.message === "no-key";
    const none = error instanceof NoVault ? said.none : isKeyless ? said.no_key : trouble(error);
    status.textContent = isWrong ? said.wrong : none;
    passphrase.focus();
  } finally {
    button.disabled = false;
  }
});

document.getElementById("lock").addEventListener("click", () => {
  vault.lock();
  unlock.elements.passphrase.focus();
});
whenAsked(() =>
  openAll().catch((error) => {
    vault.lock();
    status.textContent = trouble(error);
  }),
);

async function question(written) {
  const questionId = crypto.randomUUID();
  const bound = context(municipality, "question", questionId, "reporter");
  const [reporter, group] = [await keys.reporter(), await keys.group(vault)];
  const { said, digest } = await committed(written);
  await post("questions", {
    version: Number(place.dataset.version),
    questionId,
    digest,
    sealedQuestion: await sealText(said, reporter, bound),
    sealedCopy: await sealContent(said, group, municipality, "question-copy", `${report}/${questionId}`),
  });
  if (vault.isOpen) reveal("question", questionId, written);
}

async function note(written) {
  const noteId = crypto.randomUUID();
  const sealed = await sealContent(written, await keys.group(vault), municipality, "note", `${report}/${noteId}`);
  await post("notes", { noteId, sealed });
  if (vault.isOpen) reveal("note", noteId, written);
}

/** Overwrite the anonymised text; answers with what to tell. Nothing of the original is sent beside it. */
async function correct(text, corrections) {
  try {
    await post("corrections", { version: checkedVersion, text, corrections });
    await showAsItIs(await fetch(location.href, { headers: { accept: "text/html" } }), "clear");
    return said.sent;
  } catch (error) {
    if (error.message === "stale-version") return (await renewCheck()) ? said.overtaken : said.stale;
    return error instanceof calls.Refused ? said.refused : trouble(error);
  }
}

/** Let the clear text be checked as it is now; true when it differs from the one that was being checked. */
async function renewCheck() {
  if (!told || !document.getElementById("check")) return false;
  const shown = await readReport().catch(() => null);
  if (!shown || !told) return false;
  if (!shown.mayCorrect) {
    forgetCheck(); // only who decides on the report checks it
    return false;
  }
  checkedVersion = shown.version;
  return allowCheck(told, shown.anonymisedText, correct);
}

const writing = { ask: question, note };

/** Seals what is in the form's text area and sends it; what was not sent stays. */
async function sendSealed(form) {
  const area = form.querySelector("textarea");
  const told = form.querySelector("[data-status]");
  if (!area.value.trim()) {
    told.textContent = said.empty;
    area.focus();
    return;
  }
  const button = form.querySelector("button");
  button.disabled = true;
  told.textContent = said.sending;
  try {
    await writing[form.id](area.value.trim());
    area.value = "";
    const part = form.closest("[data-renewed]").id;
    await showAsItIs(await fetch(location.href, { headers: { accept: "text/html" } }), part);
    document.getElementById(form.id)?.querySelector("[data-status]").replaceChildren(said.sent);
  } catch (error) {
    button.disabled = false;
    const isStale = error.message === "stale-version";
    // The version is taken over, so that sending again is the writer's choice.
    if (isStale) await readReport().then(({ version }) => (place.dataset.version = version), () => {});
    told.textContent = isStale ? said.stale : error instanceof calls.Refused ? said.refused : trouble(error);
  }
}

/** Takes over the page that a request answered with; throws when it is no page of this report. */
async function showAsItIs(answer, part) {
  const page = await answer.text();
  const writeOn = writingHere();
  const fresh = renew(page);
  if (fresh === null) throw new Error("another page");
  place.dataset.version = fresh.getElementById("case").dataset.version;
  showForms();
  writeOn();
  for (const [selector, content] of known) document.querySelector(selector)?.reveal(content);
  const isAllOpen = [...document.querySelectorAll("[data-renewed] sealed-text")].every((each) => "open" in each.dataset);
  if (vault.isOpen && !isAllOpen) await openAll();
  else await renewCheck();
  goOn(part);
}

/** Does by fetching what the form would do by loading, so that the vault stays open. */
async function act(form) {
  const body = new URLSearchParams(new FormData(form));
  const part = form.closest("[data-renewed]").id;
  try {
    const answer = await fetch(location.href, { method: "POST", body, headers: { accept: "text/html" } });
    if (new URL(answer.url).pathname === location.pathname) await showAsItIs(answer, part);
    else location.assign(answer.url);
  } catch {
    form.submit(); // the page that comes says what is wrong; casework refuses what was done already
  }
}

function showForms() {
  for (const id of Object.keys(writing)) document.getElementById(id)?.removeAttribute("hidden");
  const result = document.getElementById("field-result");
  const duplicate = document.getElementById("duplicate")?.closest(".v-field");
  if (!result || !duplicate) return;
  const showWhenAsked = () => (duplicate.hidden = result.value !== "duplicate");
  result.addEventListener("change", showWhenAsked);
  showWhenAsked();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id in writing) {
    event.preventDefault();
    sendSealed(form);
  } else if (vault.isOpen && form.closest("[data-renewed]")) {
    event.preventDefault();
    act(form);
  }
});
showForms();
lock();
