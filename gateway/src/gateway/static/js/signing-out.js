// Tells every page of this browser that somebody signs out, so that an open vault locks.

const told = new BroadcastChannel("vermoeden-signed-out");

for (const form of document.querySelectorAll("form[data-signs-out]")) {
  form.addEventListener("submit", () => told.postMessage(true));
}
