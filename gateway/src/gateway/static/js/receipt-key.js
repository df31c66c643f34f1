// What a receipt opens, derived here so that the receipt itself never leaves the browser (`common.receipt`).

import { encode, join, utf8 } from "./bytes.js";
import { keyPair } from "./sealing.js";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford base 32
const CHECKS = `${ALPHABET}*~$=U`; // the check symbol is the value modulo 37
const LENGTH = 20;
// PKCS#8 before the 32 raw bytes of an Ed25519 private key: WebCrypto takes no raw private key.
const ED25519_PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);
const MISREAD = { O: "0", I: "1", L: "1" };

/** The 20 characters of a typed receipt; null when length, characters or check are wrong. */
export function parseReceipt(typed) {
  const plain = typed.replace(/[\s-]/g, "").toUpperCase().replace(/[OIL]/g, (character) => MISREAD[character]);
  if (plain.length !== LENGTH + 1) return null;
  const body = plain.slice(0, LENGTH);
  let number = 0n;
  for (const character of body) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return null;
    number = number * 32n + BigInt(value);
  }
  return CHECKS[Number(number % 37n)] === plain[LENGTH] ? body : null;
}

/** What opens with the 20 characters of a receipt: look-up id, key pair, the keys for the pin and for signing. */
export async function mailboxOf(body) {
  const pair = await keyPair(await derive(body, "vermoeden/mailbox-key/v1", 32));
  const signing = join(ED25519_PKCS8, await derive(body, "vermoeden/mailbox-sign/v1", 32));
  return {
    lookupId: encode(await derive(body, "vermoeden/mailbox-lookup/v1", 16)),
    pair,
    pinKey: await derive(body, "vermoeden/mailbox-pin/v1", 32),
    signingKey: await crypto.subtle.importKey("pkcs8", signing, { name: "Ed25519" }, false, ["sign"]),
  };
}

async function derive(secret, info, bytes) {
  const material = await crypto.subtle.importKey("raw", utf8(secret), "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, material, bytes * 8));
}
