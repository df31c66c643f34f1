// Copying and printing the receipt; without this module people write it down.

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
