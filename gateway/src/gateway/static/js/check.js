// Checking what is hidden in a report that is open: what was missed is hidden, what is nobody's is put back.

import * as hidden from "./hidden.js";

const place = document.getElementById("check");
const said = place ? JSON.parse(place.dataset.said) : {};
const find = (name) => place.querySelector(`[data-check=${name}]`);
let open = null; // the report that is being checked: original, clear, first, spans, save

/**
 * The report is open: `content` as it was sealed, `clear` the text that colleagues read now (null: none), and
 * `save(text, corrections)`. What somebody is doing here stays, unless the clear text was changed meanwhile:
 * then this answers with true.
 */
export function allowCheck(content, clear, save) {
  const original = hidden.plain(content.description);
  if (open?.original === original && open.clear === clear) return false;
  const isOvertaken = open?.original === original;
  const sealed = hidden.sealedSpans(content.description, content.hidden ?? []);
  const aligned = clear === null ? null : hidden.alignedSpans(original, hidden.plain(clear), sealed);
  const first = aligned ?? sealed;
  open = { original, clear, first, spans: first, save };
  place.hidden = false;
  place.open ||= clear === null;
  show();
  tell("");
  return isOvertaken;
}

/** The vault is locked: nothing of the original stays. */
export function forgetCheck() {
  if (!place) return;
  open = null;
  place.hidden = true;
  find("result").value = "";
  find("list").replaceChildren();
  find("summary").textContent = "";
  tell("");
}

const tell = (message) => (find("status").textContent = message);

/** What is not unfolded is not written into the page. */
function show() {
  if (!open || !place.open) return;
  const { original, spans, first } = open;
  const parts = hidden.partsOf(original, spans);
  find("original").reveal(...parts.map(({ span, start, end }) => {
    const text = original.slice(start, end);
    return span ? Object.assign(document.createElement("mark"), { textContent: text, title: span.label }) : text;
  }));
  find("result").value = hidden.resultOf(original, spans);
  find("list").replaceChildren(...rows());
  find("none").hidden = spans.length > 0;
  const made = hidden.corrections(first, spans);
  const count = (kind) => made.filter((each) => each.kind === kind).length;
  const [misses, back] = [count("miss"), count("false-hit")];
  find("summary").textContent = `${said.hidden} ${misses}. ${said.back} ${back}.${back ? ` ${said.careful}` : ""}`;
}

/** One row for each value that is hidden, with the way back. */
function rows() {
  const { original, spans } = open;
  const byValue = new Map();
  for (const span of spans) {
    const value = original.slice(span.start, span.end);
    const key = JSON.stringify([span.label, value]);
    byValue.set(key, { label: span.label, value, spans: [...(byValue.get(key)?.spans ?? []), span] });
  }
  return [...byValue.values()].map(({ label, value, spans: own }, number) => {
    const row = find("row").content.cloneNode(true).firstElementChild;
    row.querySelector("code").textContent = label;
    const told = row.querySelector("span");
    told.textContent = own.length > 1 ? `${value} (${own.length}×)` : value;
    told.id = `check-value-${number}`;
    const button = row.querySelector("button");
    button.setAttribute("aria-describedby", told.id);
    button.addEventListener("click", () => putBack(own));
    return row;
  });
}

function putBack(own) {
  const { spans } = open;
  const at = hidden.partsOf(open.original, spans).find(({ span }) => span === own[0]);
  open.spans = spans.filter((span) => !own.includes(span));
  show();
  select(at.at, at.at + at.end - at.start);
  tell(said.was_put_back);
}

/** Let the person go on where they were. */
function select(start, end) {
  find("result").focus();
  find("result").setSelectionRange(start, end);
}

function selected() {
  const { selectionStart: start, selectionEnd: end } = find("result");
  return { start, end };
}

function hideSelected() {
  const { start, end } = selected();
  const chosen = start < end && hidden.placeOf(open.original, open.spans, start, end);
  if (!chosen) return complain(said.select_first);
  open.spans = hidden.hide(open.original, open.spans, chosen, find("class").value);
  show();
  const { at, read } = hidden.partsOf(open.original, open.spans).find(({ span }) => span && span.start <= chosen.start && chosen.end <= span.end);
  select(at, at + read.length);
  tell(said.was_hidden);
}

function putBackSelected() {
  const { start, end } = selected();
  const parts = hidden.partsOf(open.original, open.spans);
  const own = parts.filter(({ span, at, read }) => span && at <= Math.max(end - 1, start) && start < at + read.length);
  if (!own.length) return complain(said.choose_first);
  putBack(own.map(({ span }) => span));
}

function complain(message) {
  tell(message);
  find("result").focus();
}

async function save() {
  const made = hidden.corrections(open.first, open.spans);
  if (!made.length && open.clear !== null) return complain(said.nothing);
  const button = find("save");
  button.disabled = true;
  tell(said.sending);
  try {
    tell(await open.save(hidden.sendable(open.original, open.spans), made));
  } finally {
    button.disabled = false;
  }
}

if (place) {
  const result = find("result");
  place.addEventListener("toggle", show);
  // A field that is `readonly` has no cursor that the keyboard can move, so nothing could be selected with it.
  result.addEventListener("beforeinput", (event) => event.preventDefault());
  result.addEventListener("click", () => {
    const { start, end } = selected();
    const on = open && hidden.partsOf(open.original, open.spans).find(({ span, at, read }) => span && at < start && start < at + read.length);
    if (on && start === end) result.setSelectionRange(on.at, on.at + on.read.length);
  });
  find("hide").addEventListener("click", hideSelected);
  find("back").addEventListener("click", putBackSelected);
  find("save").addEventListener("click", save);
  find("undo").addEventListener("click", () => {
    open.spans = open.first;
    show();
    complain(said.undone);
  });
}
