// Offers what this browser keeps of reports that were not sent yet, to go on with, to send or to erase.

import { findHalf } from "./draft-key.js";
import { drafts, forget, opened } from "./draft.js";
import { eachPage } from "./in-place.js";
import { sends } from "./sending.js";

/** Shows a draft; one that can no longer be opened is deleted. While nobody answers it stays, unseen. */
async function offer(template, draft) {
  const place = template.content.firstElementChild.cloneNode(true);
  const form = place.querySelector("form");
  const half = await findHalf(form, draft.id);
  if (!half) return forget(draft.id);
  const kept = await opened(draft, half).catch(() => null);
  if (!kept) return forget(draft.id);
  const moment = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  place.querySelector("[data-kept-at]").textContent = moment.format(draft.keptAt);
  place.querySelector("[value=send]").hidden = !kept.isReady;
  form.elements.namedItem("draft").value = draft.id;
  for (const [name, value] of kept.fields) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }
  form.addEventListener("erased", () => form.querySelectorAll("input, .v-actions").forEach((each) => each.remove()));
  template.after(place);
  sends(form);
}

eachPage(() => {
  const template = document.getElementById("draft-template");
  if (!template) return;
  // In a template an address is not resolved yet.
  const address = new URL(template.content.querySelector("form").getAttribute("action"), location.href).href;
  drafts(address)
    .then((found) => Promise.allSettled(found.map((draft) => offer(template, draft))))
    .catch((error) => console.info("no drafts here", error.message));
});
