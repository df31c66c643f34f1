// Makes the report form lighter: hides questions that do not apply, and says "call 112" at once.
// Without this module every question is shown with its condition, and the warning comes before sending.

import { eachPage } from "./in-place.js";

/** The form of the page that is shown now. */
const report = () => document.getElementById("report");

/** The answers given to the controls of this name. */
const answersTo = (name) =>
  [...report().elements]
    .filter((control) => control.name === name && !control.disabled)
    .filter((control) => !["radio", "checkbox"].includes(control.type) || control.checked)
    .map((control) => control.value);

/** Is each control answered as wanted? A list of wishes wants one of them. */
const holds = (when) =>
  Object.entries(when).every(([name, wanted]) => [wanted].flat().some((each) => answersTo(name).includes(each)));

/** Does this page ask it, or does it only carry the answer along? */
const isAsked = (name) => [...report().elements].some((control) => control.name === name && control.type !== "hidden");

function showWhatThisRoleSees() {
  const kind = report().elements.namedItem("reporter_kind")?.value;
  for (const box of document.querySelectorAll("[data-role]")) box.hidden = box.dataset.role !== kind;
}

function showWhatApplies() {
  for (const group of report().querySelectorAll("[data-show-when]")) {
    const applies = holds(JSON.parse(group.dataset.showWhen));
    group.hidden = !applies;
    for (const control of group.querySelectorAll("input, select, textarea")) control.disabled = !applies;
  }
}

function warn() {
  const rules = JSON.parse(report().dataset.acute).filter(
    (rule) => holds(rule.when) && Object.keys(rule.when).some(isAsked),
  );
  const box = document.getElementById("acute");
  if (rules.length === 0) {
    box.hidden = true;
    return;
  }
  const first = rules.find((rule) => rule.say) ?? rules[0];
  const text = document.getElementById("acute-text");
  if (text.textContent !== first.say || box.hidden) {
    text.textContent = first.say;
    placeBeside(box, Object.keys(first.when).find(isAsked));
    box.hidden = false;
  }
  report().elements.namedItem("warned").value = "1";
}

/** Puts the warning below the question whose answer calls for it. */
function placeBeside(box, name) {
  document.getElementById(`field-${name}`)?.closest(".v-field")?.after(box);
}

function countCharacters(counter) {
  const control = document.getElementById(counter.getAttribute("for"));
  const left = control.maxLength - control.value.length;
  const text = left < 0 ? counter.dataset.over : counter.dataset.remaining;
  counter.textContent = text.replace("#", new Intl.NumberFormat(document.documentElement.lang).format(Math.abs(left)));
}

eachPage(() => {
  const form = report();
  if (!form) return;
  for (const sentence of form.querySelectorAll(".v-condition__when")) sentence.hidden = true;
  form.addEventListener("change", () => {
    showWhatApplies();
    showWhatThisRoleSees();
    warn();
  });
  for (const counter of form.querySelectorAll("character-count")) {
    document.getElementById(counter.getAttribute("for")).addEventListener("input", () => countCharacters(counter));
  }
  showWhatApplies();
  showWhatThisRoleSees();
  warn();
});
