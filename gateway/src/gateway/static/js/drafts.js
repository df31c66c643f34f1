// Offers reports that could not be sent before, from the drafts that this browser keeps.

import { drafts } from "./draft.js";
import { sends } from "./sending.js";

const template = document.getElementById("draft-template");

function show({ keptAt, fields }) {
  const place = template.content.firstElementChild.cloneNode(true);
  const form = place.querySelector("form");
  const moment = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  place.querySelector("[data-kept-at]").textContent = moment.format(keptAt);
  for (const [name, value] of fields) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }
  template.after(place);
  sends(form);
}

if (template) {
  // In a template an address is not resolved yet.
  const address = new URL(template.content.querySelector("form").getAttribute("action"), location.href).href;
  drafts(address)
    .then((found) => found.forEach(show))
    .catch((error) => console.info("no drafts here", error.message));
}
