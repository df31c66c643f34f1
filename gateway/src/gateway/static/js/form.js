// Makes the report form lighter: hides questions that do not apply, and says "call 112" at once.
// Without this module every question is shown with its condition, and the warning comes before sending.

const form = document.getElementById("report");

/** The answers given to the controls of this name. */
const answersTo = (name) =>
  [...form.elements]
    .filter((control) => control.name === name && !control.disabled)
    .filter((control) => !["radio", "checkbox"].includes(control.type) || control.checked)
    .map((control) => control.value);

const holds = (when) => Object.entries(when).every(([name, wanted]) => answersTo(name).includes(wanted));

function showWhatApplies() {
  for (const group of form.querySelectorAll("[data-show-when]")) {
    const applies = holds(JSON.parse(group.dataset.showWhen));
    group.hidden = !applies;
    for (const control of group.querySelectorAll("input, select, textarea")) control.disabled = !applies;
  }
}

function warn() {
  const rules = JSON.parse(form.dataset.acute).filter((rule) => holds(rule.when));
  const box = document.getElementById("acute");
  if (rules.length === 0) {
    box.hidden = true;
    return;
  }
  const first = rules.find((rule) => rule.say) ?? rules[0];
  const text = document.getElementById("acute-text");
  if (text.textContent !== first.say || box.hidden) {
    text.textContent = first.say;
    placeBeside(box, Object.keys(first.when)[0]);
    box.hidden = false;
  }
  form.elements.namedItem("warned").value = "1";
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

if (form) {
  for (const sentence of form.querySelectorAll(".v-condition__when")) sentence.hidden = true;
  form.addEventListener("change", () => {
    showWhatApplies();
    warn();
  });
  for (const counter of form.querySelectorAll("character-count")) {
    document.getElementById(counter.getAttribute("for")).addEventListener("input", () => countCharacters(counter));
  }
  showWhatApplies();
  warn();
}
