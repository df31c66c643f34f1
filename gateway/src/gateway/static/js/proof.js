// A little work before an anonymous report leaves, so that a flood of them costs its sender much.

const WAIT_SECONDS = 60;
const FRESH_SECONDS = 480; // the gateway takes a solved challenge for ten minutes

/** A challenge of the gateway; null when it has none to give now. Throws when nobody answers. */
export async function challenge(municipality) {
  const headers = { accept: "application/json", ...(municipality ? { municipality } : {}) };
  const answer = await fetch("/api/v1/challenges", { headers, cache: "no-store" });
  return answer.ok ? answer.json() : null;
}

/** Does this proof still serve? The moment of its challenge stands in it. */
export function isFresh(proof) {
  const issuedAt = Number(proof.split(".")[2]);
  return issuedAt > 0 && Date.now() / 1000 - issuedAt < FRESH_SECONDS;
}

/** The proof for this key, counted in a worker that holds up no page. */
export async function proofFor({ token, bits }, key) {
  const worker = new Worker(new URL("./proof-worker.js", import.meta.url), { type: "module" });
  const solved = new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => resolve(data));
    worker.addEventListener("error", () => reject(new Error("worker")));
    setTimeout(() => reject(new Error("too slow")), WAIT_SECONDS * 1000);
  });
  worker.postMessage({ token, key, bits });
  return `${token}~${await solved.finally(() => worker.terminate())}`;
}
