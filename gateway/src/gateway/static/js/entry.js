// Makes entering quicker: choosing a type shows its questions, and Ctrl+Enter saves.

import { eachPage } from "./in-place.js";

eachPage(() => {
  const form = document.querySelector("form[data-entry]");
  const press = (step) => form.querySelector(`button[name="step"][value="${step}"]:not([aria-hidden])`)?.click();
  form?.elements.namedItem("type").addEventListener("change", () => press("ask"));
  form?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    press(event.shiftKey ? "send_next" : "send");
  });
});
