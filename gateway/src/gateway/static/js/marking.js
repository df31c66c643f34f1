// At the check: what the reporter selects in the own words can be hidden with one press.
// Without this module, or by keyboard, the words are typed.

import { eachPage } from "./in-place.js";

/** The selected words, without what the page says between them. */
function selected() {
  const selection = document.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return "";
  const range = selection.getRangeAt(0);
  const around = range.commonAncestorContainer;
  const place = around.nodeType === Node.ELEMENT_NODE ? around : around.parentElement;
  if (!place.closest("[data-story]")) return "";
  const copy = range.cloneContents();
  for (const said of copy.querySelectorAll(".v-secret__kind")) said.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

function offer(form, button) {
  button.hidden = false;
  let words = "";
  document.addEventListener("selectionchange", () => {
    const now = selected();
    if (document.activeElement === button && !now) return; // pressing it may end the selection
    words = now;
    button.disabled = words.length < 2;
  });
  button.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the selection
  button.addEventListener("click", () => {
    form.elements.namedItem("hide_more").value = words;
    form.requestSubmit(form.querySelector("button[name=step][value=check]"));
  });
}

eachPage(() => {
  const form = document.getElementById("check");
  const button = form?.querySelector("[data-mark-selection]");
  if (button) offer(form, button);
});
