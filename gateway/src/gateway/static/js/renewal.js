// Shows a page as it stands now without loading it anew, so that what was opened in it stays open.

/**
 * Put the parts marked `data-renewed` of a fetched page in the place of those with the same id; what is being
 * written in them stays. Answers with the new document, or null when it is another page.
 */
export function renew(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const parts = [...document.querySelectorAll("[data-renewed]")];
  if (!parts.every((part) => fresh.getElementById(part.id))) return null;
  const written = new Map([...document.querySelectorAll("textarea")].map((area) => [area.id, area.value]));
  for (const part of parts) part.replaceWith(document.importNode(fresh.getElementById(part.id), true));
  for (const area of document.querySelectorAll("textarea")) area.value = written.get(area.id) ?? "";
  return fresh;
}

/** Where somebody is writing now; call what this answers to let them write on there, after parts were renewed. */
export function writingHere() {
  const { id, selectionStart, selectionEnd } = isWriting() ? document.activeElement : {};
  return () => {
    const area = id && document.getElementById(id);
    if (!area) return;
    area.focus({ preventScroll: true });
    area.setSelectionRange(selectionStart, selectionEnd);
  };
}

/**
 * Let the keyboard and the screen reader go on where the person was: at what went wrong, or at this part.
 * Who is writing by now goes on with that: what they type would go nowhere.
 */
export function goOn(partId) {
  if (isWriting()) return;
  const place = document.getElementById("error-summary") ?? document.getElementById(partId).querySelector("h1, h2");
  place.tabIndex = -1;
  place.focus();
}

const isWriting = () => document.activeElement instanceof HTMLTextAreaElement;
