// A little work before an anonymous report leaves, so that a flood of them costs its sender much.

const FRESH_SECONDS = 480; // the gateway takes a solved challenge for ten minutes

/** A challenge of the gateway; null when it has none to give now. Throws when nobody answers. */
export async function challenge(municipality) {
  const headers = { accept: "application/json", ...(municipality ? { municipality } : {}) };
  const answer = await fetch("/api/v1/challenges", { headers, cache: "no-store" });
  return answer.ok ? answer.json() : null;
}

const issuedAt = (token) => Number(token.split(".")[2]);

/** Does this proof still serve? The moment of its challenge stands in it; a new one tells the time, by one clock. */
export function isFresh(proof, { token }) {
  return issuedAt(proof) > 0 && issuedAt(token) - issuedAt(proof) < FRESH_SECONDS;
}

/**
 * The proof for this key, counted in a worker that holds up no page, however long it takes. While that is long,
 * `tell` hears now and then how likely it was to be done by now, in per cent.
 */
export async function proofFor({ token, bits }, key, tell) {
  const worker = new Worker(new URL("./proof-worker.js", import.meta.url), { type: "module" });
  const solved = new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data: { counter, tries } }) => {
      if (counter === undefined) tell(Math.min(99, Math.round(100 * (1 - Math.exp(-tries / 2 ** bits)))));
      else resolve(counter);
    });
    worker.addEventListener("error", () => reject(new Error("worker")));
  });
  worker.postMessage({ token, key, bits });
  return `${token}~${await solved.finally(() => worker.terminate())}`;
}
