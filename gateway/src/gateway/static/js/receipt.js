// Copying and printing the receipt; without this module people write it down. A draft of the report is no more use.

import { destroyHalf } from "./draft-key.js";
import { forget } from "./draft.js";
import { eachPage } from "./in-place.js";

async function copy(id, said) {
  try {
    await navigator.clipboard.writeText(document.getElementById(id).textContent.trim());
    said.textContent = said.dataset.copied;
  } catch {
    said.textContent = said.dataset.notCopied;
  }
}

function offer(tools) {
  const said = tools.querySelector("[role=status]");
  for (const each of [tools, ...document.querySelectorAll("[data-with-script]")]) each.hidden = false;
  tools.querySelector("[data-copy]").addEventListener("click", (event) => copy(event.currentTarget.dataset.copy, said));
  tools.querySelector("[data-print]").addEventListener("click", () => window.print());
}

function endDraft(sent) {
  forget(sent.dataset.draft).catch((error) => console.info("no drafts here", error.message));
  if ("draftOpen" in sent.dataset) {
    destroyHalf(sent, sent.dataset.draft).catch((error) => console.info("it ends within a day", error.message));
  }
}

eachPage(() => {
  const tools = document.querySelector("[data-tools]");
  const sent = document.querySelector("[data-draft]");
  if (tools) offer(tools);
  if (sent) endDraft(sent);
});
