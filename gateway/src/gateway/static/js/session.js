// Tells every page of this browser whose session it is now, so that a vault of another session locks.

const told = new BroadcastChannel("vermoeden-session");
const form = document.querySelector("form[data-signs-out]"); // on each page of who is signed in

if (form) told.postMessage(form.elements.namedItem("csrf_token").value);
document.addEventListener("submit", ({ target }) => {
  if (target.matches("form[data-signs-out]")) told.postMessage("");
});
