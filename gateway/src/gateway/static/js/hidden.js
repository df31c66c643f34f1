// What is hidden in a text: spans {start, end, label} of the original, each read as its label, `[PERSOON-1]`.

const LABEL = /(\[[A-Z]+-[1-9][0-9]{0,3}\])/;
const STRANGE = /\[([A-Z][A-Z0-9_]*(?:-[0-9]*)?)\]/g;
const PART_OF_WORD = /[\p{L}\p{N}]/u;

/** The text with one kind of line end, as a browser's own fields have it. */
export const plain = (text) => text.replace(/\r\n?/g, "\n");

export const classOf = ({ label }) => label.slice(1, label.lastIndexOf("-"));

const isOver = (one, { start, end }) => one.start < end && start < one.end;

/** The spans that came sealed with a text as [start, end, label], counted in characters of `original`. */
export function sealedSpans(original, given) {
  const characters = Array.from(original);
  const lengthTo = (count) => plain(characters.slice(0, count).join("")).length;
  return given.map(([start, end, label]) => ({ start: lengthTo(start), end: lengthTo(end), label }));
}

/** The parts of a text in order, each with its place in the original and `at`, its place in what is read. */
export function partsOf(original, spans) {
  const parts = [];
  let [from, at] = [0, 0];
  const add = (start, end, span) => {
    const read = span ? span.label : original.slice(start, end);
    if (read) parts.push({ start, end, span, read, at });
    at += read.length;
    from = end;
  };
  for (const span of spans) {
    add(from, span.start);
    add(span.start, span.end, span);
  }
  add(from, original.length);
  return parts;
}

/** What is read: the original with each span as its label. */
export const resultOf = (original, spans) => partsOf(original, spans).map(({ read }) => read).join("");

/** The spans by which `original` reads as `result`; `hints` are spans that may be known. Null when it cannot. */
export function alignedSpans(original, result, hints) {
  const values = new Map();
  for (const { start, end, label } of hints) {
    values.set(label, [...(values.get(label) ?? []), original.slice(start, end)].sort((a, b) => b.length - a.length));
  }
  return aligned(original, result, values) ?? aligned(original, result, new Map());
}

function aligned(original, result, values) {
  const pieces = result.split(LABEL); // clear text at even places, labels at odd ones
  if (!original.startsWith(pieces[0])) return null;
  const spans = [];
  let at = pieces[0].length;
  for (let place = 1; place < pieces.length; place += 2) {
    const [label, behind] = pieces.slice(place, place + 2);
    const isLast = place + 2 >= pieces.length;
    const fits = (end) =>
      end > at && original.startsWith(behind, end) && (!isLast || end + behind.length === original.length);
    const known = (values.get(label) ?? []).filter((value) => original.startsWith(value, at));
    const found = isLast ? original.length - behind.length : original.indexOf(behind, at + 1);
    const end = known.map((value) => at + value.length).find(fits) ?? found;
    if (!fits(end)) return null;
    if (original.slice(at, end) !== label) spans.push({ start: at, end, label });
    at = end + behind.length;
  }
  return at === original.length ? spans : null;
}

/** The place in the original of a selection in what is read: whole spans, and no white space at its ends. */
export function placeOf(original, spans, from, to) {
  const chosen = partsOf(original, spans).filter(({ at, read }) => at < to && from < at + read.length);
  if (!chosen.length) return null;
  const [first, last] = [chosen[0], chosen.at(-1)];
  let start = first.span ? first.start : first.start + Math.max(from - first.at, 0);
  let end = last.span ? last.end : last.start + Math.min(to - last.at, last.read.length);
  while (start < end && /\s/.test(original[start])) start += 1;
  while (start < end && /\s/.test(original[end - 1])) end -= 1;
  return start < end ? { start, end } : null;
}

/** The spans with this place hidden as a class, and every other place in clear where the same stands. */
export function hide(original, spans, { start, end }, personalClass) {
  const touched = spans.filter((span) => isOver(span, { start, end }));
  const from = Math.min(start, ...touched.map((span) => span.start));
  const to = Math.max(end, ...touched.map((span) => span.end));
  const others = spans.filter((span) => !touched.includes(span));
  const value = original.slice(from, to);
  const label = labelFor(original, others, value, personalClass);
  const again = placesOf(original, value).filter(
    (each) => each.start !== from && !others.some((span) => isOver(span, each)) && !isOver({ start: from, end: to }, each),
  );
  const added = [{ start: from, end: to }, ...again].map((each) => ({ ...each, label }));
  return [...others, ...added].sort((one, other) => one.start - other.start);
}

function labelFor(original, spans, value, personalClass) {
  const same = spans.filter((span) => classOf(span) === personalClass);
  const known = same.find(({ start, end }) => original.slice(start, end) === value);
  if (known) return known.label;
  const taken = new Set(same.map(({ label }) => label));
  let number = 1;
  while (taken.has(`[${personalClass}-${number}]`) || original.includes(`[${personalClass}-${number}]`)) number += 1;
  return `[${personalClass}-${number}]`;
}

/** Where a value stands as words of its own. */
function placesOf(original, value) {
  const places = [];
  for (let start = original.indexOf(value); start >= 0; start = original.indexOf(value, start + value.length)) {
    const end = start + value.length;
    const isInside = PART_OF_WORD.test(original[start - 1] ?? " ") || PART_OF_WORD.test(original[end] ?? " ");
    if (!isInside) places.push({ start, end });
  }
  return places;
}

/** What was mended between two sets of spans, as codes: misses and false hits with their class. */
export function corrections(first, now) {
  const isSame = (one, other) => one.start === other.start && one.end === other.end && classOf(one) === classOf(other);
  const covers = (one, other) => one.start <= other.start && other.end <= one.end;
  const misses = now.filter((span) => !first.some((each) => isSame(each, span)));
  const falseHits = first.filter((span) => !now.some((each) => covers(each, span)));
  return [
    ...misses.map((span) => ({ kind: "miss", class: classOf(span) })),
    ...falseHits.map((span) => ({ kind: "false-hit", class: classOf(span) })),
  ];
}

/** What may be sent: words between brackets that a reporter wrote would pass for labels. */
export function sendable(original, spans) {
  const parts = partsOf(original, spans);
  return parts.map(({ span, read }) => (span ? read : read.replace(STRANGE, "($1)"))).join("");
}
