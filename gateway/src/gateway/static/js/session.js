// Tells every page of this browser whose session it is now, so that a vault of another session locks.

const told = new BroadcastChannel("vermoeden-session");
const forms = document.querySelectorAll("form[data-signs-out]"); // on each page of who is signed in

if (forms.length) told.postMessage(forms[0].elements.namedItem("csrf_token").value);
for (const form of forms) form.addEventListener("submit", () => told.postMessage(""));
