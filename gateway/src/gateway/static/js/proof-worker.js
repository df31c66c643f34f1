// Solves a challenge apart from the page: BLAKE2s-256 of token, key and counter begins with zero bits.

import { search } from "./proof-search.js";

const TELL_EVERY_MS = 2000;

addEventListener("message", ({ data: { token, key, bits } }) => {
  let told = performance.now();
  const tell = (tries) => {
    if (performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    postMessage({ tries });
  };
  postMessage({ counter: search(`${token}\n${key}\n`, bits, tell) });
});
