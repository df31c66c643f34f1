// Copying and printing the receipt; without this module people write it down. Its draft is no more use.

import { forgetSent } from "./draft.js";

forgetSent().catch((error) => console.info("no drafts here", error.message));

const tools = document.querySelector("[data-tools]");
const said = tools?.querySelector("[role=status]");

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
