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

/** Let the keyboard and the screen reader go on where the person was: at what went wrong, or at this part. */
export function goOn(partId) {
  const place = document.getElementById("error-summary") ?? document.getElementById(partId).querySelector("h1, h2");
  place.tabIndex = -1;
  place.focus();
}
