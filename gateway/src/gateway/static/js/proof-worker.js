// Finds the counter that solves a challenge: BLAKE2s-256 of token, key and counter begins with zero bits.

import { blake2s } from "../vendor/noble-hashes/blake2.js";

const encoder = new TextEncoder();

function isSolved(digest, bits) {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index += 1) if (digest[index] !== 0) return false;
  return digest[whole] >> (8 - (bits & 7)) === 0;
}

addEventListener("message", ({ data: { token, key, bits } }) => {
  const start = blake2s.create().update(encoder.encode(`${token}\n${key}\n`));
  let counter = 0;
  while (!isSolved(start.clone().update(encoder.encode(String(counter))).digest(), bits)) counter += 1;
  postMessage(counter);
});
