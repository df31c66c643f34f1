// The mailbox behind a receipt: keys are derived, questions opened and replies sealed here in the browser.

import { encode, text as decodeText } from "./bytes.js";
import { questionOf } from "./questions.js";
import { mailboxOf, parseReceipt } from "./receipt-key.js";
import { context, openText, sealContent } from "./sealing.js";
import { alarm, NotVouched, replyStatement, requirePinnedKey } from "./vouching.js";

const place = document.getElementById("mailbox");
const { municipality, language } = place.dataset;
const said = JSON.parse(place.dataset.said);
const ask = document.getElementById("mailbox-ask");
const form = document.getElementById("mailbox-form");
const open = document.getElementById("mailbox-open");
const told = form.querySelector("[data-status]");
const moments = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "nl-NL", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "Europe/Amsterdam",
});

async function post(action, body) {
  const answer = await fetch(`/api/v1/mailboxes/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", municipality, ...csrf() },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: answer.ok ? await answer.json() : null };
}

// Somebody who is signed in at this municipality sends the token of that session along.
function csrf() {
  const field = form.elements.namedItem("csrf_token");
  return field ? { "x-csrf-token": field.value } : {};
}

function showTime(element, at) {
  element.dateTime = at;
  element.textContent = moments.format(new Date(at));
}

function showNotices(notices) {
  const rows = notices.toReversed().map(({ at, text, textEn }, number) => {
    const row = document.getElementById("notice-template").content.cloneNode(true);
    row.querySelector(".v-timeline__title").textContent = language === "en" ? textEn : text;
    showTime(row.querySelector("time"), at);
    if (number === 0) row.querySelector("li").classList.add("v-timeline__item--now");
    return row;
  });
  open.querySelector("[data-notices]").replaceChildren(...rows);
  open.querySelector("[data-no-notices]").hidden = notices.length > 0;
}

async function questionCard(question, mailbox, pin) {
  const card = document.getElementById("question-template").content.cloneNode(true);
  const bound = context(municipality, "question", question.questionId, "reporter");
  const plain = await readQuestion(question, mailbox, bound);
  card.querySelector("[data-text]").textContent = plain ?? said.unreadable;
  showTime(card.querySelector("[data-asked-at]"), question.askedAt);
  if (question.repliedAt) {
    card.querySelector("[data-replied]").hidden = false;
    showTime(card.querySelector("[data-replied-at]"), question.repliedAt);
    const more = card.querySelector("[data-more]");
    more.hidden = false;
    more.querySelector(".v-details__body").append(card.querySelector("form"));
  }
  const area = card.querySelector("textarea");
  area.id = `reply-${question.questionId}`;
  card.querySelector("label").htmlFor = area.id;
  card.querySelector(".v-hint").id = `${area.id}-hint`;
  area.setAttribute("aria-describedby", `${area.id}-hint`);
  if (plain === null) card.querySelector("form").remove();
  else if (await isPinned(question, mailbox, pin)) replyOnSubmit(card.querySelector("form"), question, mailbox);
  else card.querySelector("form").replaceWith(document.getElementById("untrusted-template").content.cloneNode(true));
  return card;
}

/** The question in words; null when it cannot be read, or is not the one that is on record. */
async function readQuestion({ sealedQuestion, digest }, { pair }, bound) {
  try {
    return await questionOf(decodeText(await openText(sealedQuestion, pair, bound)), digest);
  } catch (error) {
    if (error instanceof NotVouched) alarm("mailbox", { municipality, ...csrf() });
    return null;
  }
}

/** Whether a reply would be sealed to a key for which the municipality of this receipt vouches. */
async function isPinned({ replyKey, signers }, { pinKey }, pin) {
  try {
    await requirePinnedKey(municipality, replyKey, signers, pin, pinKey);
    return true;
  } catch (error) {
    if (!(error instanceof NotVouched)) throw error;
    alarm("mailbox", { municipality, ...csrf() });
    return false;
  }
}

function replyOnSubmit(reply, question, mailbox) {
  const area = reply.querySelector("textarea");
  const status = reply.querySelector("[data-status]");
  const ids = new Map(); // by what was written: the same when sending is tried again, another for other words
  reply.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!area.value.trim()) {
      status.textContent = said.no_reply;
      area.focus();
      return;
    }
    reply.querySelector("button").disabled = true;
    status.textContent = said.sending;
    const written = area.value.trim();
    if (!ids.has(written)) ids.set(written, crypto.randomUUID());
    const answer = await send(written, question, mailbox, ids.get(written)).catch(() => ({ status: 0 }));
    status.textContent = answer.status === 201 ? said.sent : answer.status === 409 ? said.too_many : said.away;
    reply.querySelector("button").disabled = answer.status === 201;
    area.readOnly = answer.status === 201;
  });
}

async function send(written, { questionId, replyKey }, { lookupId, signingKey }, replyId) {
  const sealedReply = await sealContent(written, replyKey, municipality, "reply", questionId);
  const statement = await replyStatement(municipality, questionId, replyId, sealedReply);
  const signature = encode(new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, signingKey, statement)));
  return post("_reply", { lookupId, questionId, replyId, sealedReply, signature });
}

async function search(body) {
  const mailbox = await mailboxOf(body);
  const { status, body: found } = await post("_search", { lookupId: mailbox.lookupId });
  if (status === 404) return said.unknown;
  if (found === null) return said.away;
  showNotices(found.notices);
  const cards = await Promise.all(found.questions.map((question) => questionCard(question, mailbox, found.signerPin)));
  open.querySelector("[data-questions]").replaceChildren(...cards.toReversed());
  open.querySelector("[data-asked]").hidden = cards.length === 0;
  ask.hidden = true;
  open.hidden = false;
  document.getElementById("news-title").focus();
  return "";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = form.elements.namedItem("receipt");
  const body = parseReceipt(field.value);
  field.setAttribute("aria-invalid", String(body === null));
  if (body === null) {
    told.textContent = said.wrong;
    field.focus();
    return;
  }
  told.textContent = said.looking;
  told.textContent = await search(body).catch(() => said.away);
  if (told.textContent) field.focus();
});

open.querySelector("[data-close]").addEventListener("click", () => {
  open.hidden = true;
  open.querySelector("[data-questions]").replaceChildren();
  form.reset();
  ask.hidden = false;
  form.elements.namedItem("receipt").focus();
});

place.querySelector("[data-with-script]").hidden = false;
place.querySelector("[data-without-script]").hidden = true;
