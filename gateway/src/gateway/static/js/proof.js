// Solves a little work before an anonymous report leaves, so that a flood of them costs its sender much.
// Should anything fail here, the form leaves as it would without script.

const WAIT_SECONDS = 60;

async function challenge(municipality) {
  const answer = await fetch("/api/v1/challenges", { headers: { accept: "application/json", municipality } });
  if (!answer.ok) throw new Error(`challenge ${answer.status}`);
  return answer.json();
}

/** Work that holds up no page: a worker counts until it is solved. */
function solve({ token, bits }, key) {
  const worker = new Worker(new URL("./proof-worker.js", import.meta.url), { type: "module" });
  const solved = new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => resolve(data));
    worker.addEventListener("error", () => reject(new Error("worker")));
    setTimeout(() => reject(new Error("too slow")), WAIT_SECONDS * 1000);
  });
  worker.postMessage({ token, key, bits });
  return solved.finally(() => worker.terminate());
}

async function leave(form) {
  const status = form.querySelector("[data-proof-status]");
  const buttons = form.querySelectorAll("button");
  status.textContent = status.dataset.proofStatus;
  for (const button of buttons) button.setAttribute("aria-disabled", "true");
  try {
    const found = await challenge(form.dataset.municipality);
    const counter = await solve(found, form.elements.namedItem("key").value);
    form.elements.namedItem("proof").value = `${found.token}~${counter}`;
  } catch (error) {
    console.info("sent without a proof", error.message);
  }
  form.submit();
}

const leaving = new WeakSet();

for (const form of document.querySelectorAll("form[data-municipality]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!leaving.has(form)) leave(form);
    leaving.add(form);
  });
  // A page that comes back from the browser's memory can be sent again.
  addEventListener("pageshow", () => {
    leaving.delete(form);
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  });
}
