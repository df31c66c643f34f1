// The page of one report: opens what is sealed, and seals what is written, here in the browser.

import "./sealed-text.js";
import { text as decodeText } from "./bytes.js";
import { CannotOpen, context, openContent, sealContent, sealText } from "./sealing.js";
import { NoVault, Vault } from "./vault.js";

const place = document.getElementById("case");
const { municipality, report, csrf, reporterKey } = place.dataset;
const recipient = JSON.parse(place.dataset.key);
const said = JSON.parse(place.dataset.said);
const vault = new Vault();
const unlock = document.getElementById("unlock");
const opened = document.getElementById("opened");
const status = document.getElementById("unlock-status");

class Refused extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
  }
}

async function post(action, body) {
  const answer = await fetch(`/api/v1/reports/${report}/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": csrf },
    body: JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, told.code);
  return told;
}

function lock(message = "") {
  for (const element of document.querySelectorAll("sealed-text")) element.hide();
  opened.querySelector("[data-part-list=answers]").replaceChildren();
  opened.hidden = true;
  unlock.hidden = false;
  status.textContent = message;
}

async function openAll(purpose) {
  const { sealed } = await post("openings", { purpose });
  for (const each of sealed) {
    const shown = await openContent(each.sealed, vault.keys, municipality, each.compartment, each.subject).then(
      decodeText,
      () => null,
    );
    show(each, shown);
  }
}

function show({ compartment, subject, replyId }, content) {
  if (compartment === "content") {
    if (content !== null) showContent(JSON.parse(content));
    else opened.querySelector("[data-part=description]").reveal(said.unreadable);
    return;
  }
  const names = { "question-copy": ["question", subject], reply: ["reply", replyId], note: ["note", subject] };
  const [name, id] = names[compartment] ?? [];
  document.querySelector(`sealed-text[data-${name}="${CSS.escape(id ?? "")}"]`)?.reveal(content ?? said.unreadable);
}

function showContent({ description, answers, address, neighbourhood }) {
  const where = [address, neighbourhood].filter(Boolean).join(", ");
  opened.querySelector("[data-part=description]").reveal(description);
  const rows = Object.values(answers ?? {}).map((answer) => {
    const row = document.createElement("p");
    row.className = "v-prose";
    row.textContent = answer;
    return row;
  });
  opened.querySelector("[data-part-list=answers]").replaceChildren(...rows);
  opened.querySelector("[data-part-row=address]").hidden = !where;
  if (where) opened.querySelector("[data-part=address]").reveal(where);
}

unlock.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { passphrase, purpose } = unlock.elements;
  const button = unlock.querySelector("button");
  button.disabled = true;
  status.textContent = said.opening;
  try {
    await vault.unlock(passphrase.value, () => lock(said.locked));
    await openAll(purpose.value);
    passphrase.value = "";
    unlock.hidden = true;
    opened.hidden = false;
    status.textContent = said.opened;
    opened.querySelector("h3").tabIndex = -1;
    opened.querySelector("h3").focus();
  } catch (error) {
    if (vault.isOpen) vault.lock();
    const isWrong = error instanceof CannotOpen;
    status.textContent = isWrong ? said.wrong : error instanceof NoVault ? said.none : said.away;
    passphrase.focus();
  } finally {
    button.disabled = false;
  }
});

document.getElementById("lock").addEventListener("click", () => {
  vault.lock();
  unlock.elements.passphrase.focus();
});

async function question(written) {
  const questionId = crypto.randomUUID();
  const bound = context(municipality, "question", questionId, "reporter");
  return post("questions", {
    version: Number(place.dataset.version),
    questionId,
    sealedQuestion: await sealText(written, reporterKey, bound),
    sealedCopy: await sealContent(written, recipient, municipality, "question-copy", questionId),
  });
}

async function note(written) {
  const noteId = crypto.randomUUID();
  return post("notes", { noteId, sealed: await sealContent(written, recipient, municipality, "note", noteId) });
}

/** Seals what is in the form's text area, sends it, and loads the page anew; what was not sent stays. */
function sealOnSubmit(form, send) {
  if (!form) return;
  const area = form.querySelector("textarea");
  const told = form.querySelector("[data-status]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!area.value.trim()) {
      told.textContent = said.empty;
      area.focus();
      return;
    }
    const button = form.querySelector("button");
    button.disabled = true;
    told.textContent = said.sending;
    try {
      await send(area.value.trim());
      area.value = "";
      location.reload();
    } catch (error) {
      button.disabled = false;
      const isStale = error.message === "stale-version";
      if (isStale) await readVersion();
      told.textContent = isStale ? said.stale : error.status ? said.refused : said.away;
    }
  });
}

/** The version that the report has now, so that sending again after a change is a choice of the writer. */
async function readVersion() {
  const answer = await fetch(`/api/v1/reports/${report}`);
  if (answer.ok) place.dataset.version = (await answer.json()).version;
}

sealOnSubmit(document.getElementById("ask"), question);
sealOnSubmit(document.getElementById("note"), note);
lock();
