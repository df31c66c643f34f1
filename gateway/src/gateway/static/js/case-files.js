// The files of one report: fetched sealed, opened here with the vault's keys, and forgotten when it locks.

import { openChunks } from "./chunks.js";
import { context, openKey } from "./sealing.js";

const place = document.getElementById("files");
const said = place ? JSON.parse(place.dataset.said) : {};
const wrapsOf = new Map();
const shown = new Map(); // button → address of the picture that it shows

/** The vault is open: `attachments`, with their wraps, are those that the report itself names. */
export function allowFiles(vault, municipality, attachments) {
  if (!place) return;
  for (const each of attachments) wrapsOf.set(each.id, each);
  for (const button of place.querySelectorAll("button")) {
    button.disabled = !wrapsOf.has(button.value);
    if (button.disabled) tell(button, said.failed);
    button.onclick = () => (shown.has(button) ? hide(button, said.hidden) : open(button, vault, municipality));
  }
  place.querySelector("[data-first]").hidden = true;
}

/** The vault is locked: nothing that was opened stays. */
export function forgetFiles() {
  if (!place) return;
  wrapsOf.clear();
  for (const button of place.querySelectorAll("button")) {
    hide(button);
    button.disabled = true;
  }
  place.querySelector("[data-first]").hidden = false;
}

async function open(button, vault, municipality) {
  const row = button.closest("li");
  const told = row.querySelector("[role=status]");
  told.textContent = said.opening;
  button.disabled = true;
  try {
    const content = await fetchOpened(button.value, vault, municipality);
    const image = content.type === "application/pdf" ? null : await drawn(content, row.dataset.alt);
    if (!vault.isOpen) return image && URL.revokeObjectURL(image.src);
    if (image) show(button, row, image);
    else save(content, row.dataset.name);
    told.textContent = content.type === "application/pdf" ? said.saved : said.shown;
  } catch {
    told.textContent = said.failed;
  } finally {
    button.disabled = !vault.isOpen;
    if (vault.isOpen) button.focus();
  }
}

/** The whole file, its every chunk verified, as a Blob of the type that came with the opening. */
async function fetchOpened(id, vault, municipality) {
  const { wraps, mediaType } = wrapsOf.get(id);
  const key = await openKey(wraps, vault.keys, municipality, "attachment", id);
  const answer = await fetch(`/api/v1/attachments/${id}/content`);
  if (!answer.ok) throw new Error(`file ${answer.status}`);
  return new Blob(await openChunks(answer.body, key, context(municipality, "attachment", id)), { type: mediaType });
}

async function drawn(content, alt) {
  const image = new Image();
  image.alt = alt;
  image.src = URL.createObjectURL(content);
  await image.decode();
  return image;
}

function show(button, row, image) {
  row.querySelector("figure").replaceChildren(image);
  row.querySelector("figure").hidden = false;
  shown.set(button, image.src);
  button.textContent = button.dataset.hide;
  button.setAttribute("aria-expanded", "true");
}

function tell(button, message) {
  button.closest("li").querySelector("[role=status]").textContent = message;
}

function hide(button, message = "") {
  const row = button.closest("li");
  tell(button, message);
  if (!shown.has(button)) return;
  URL.revokeObjectURL(shown.get(button));
  shown.delete(button);
  row.querySelector("figure").replaceChildren();
  row.querySelector("figure").hidden = true;
  button.textContent = button.dataset.show;
  button.setAttribute("aria-expanded", "false");
}

function save(content, name) {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
