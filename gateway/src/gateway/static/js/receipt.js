// Copying and printing the receipt; without this module people write it down. A draft of the report is no more use.

import { destroyHalf } from "./draft-key.js";
import { forget } from "./draft.js";

const tools = document.querySelector("[data-tools]");
const said = tools?.querySelector("[role=status]");
const sent = document.querySelector("[data-draft]");

async function copy(id) {
  try {
    await navigator.clipboard.writeText(document.getElementById(id).textContent.trim());
    said.textContent = said.dataset.copied;
  } catch {
    said.textContent = said.dataset.notCopied;
  }
}

if (tools) {
  tools.hidden = false;
  tools.querySelector("[data-copy]").addEventListener("click", (event) => copy(event.currentTarget.dataset.copy));
  tools.querySelector("[data-print]").addEventListener("click", () => window.print());
}
if (sent) {
  forget(sent.dataset.draft).catch((error) => console.info("no drafts here", error.message));
  if ("draftOpen" in sent.dataset) {
    destroyHalf(sent, sent.dataset.draft).catch((error) => console.info("it ends within a day", error.message));
  }
}
