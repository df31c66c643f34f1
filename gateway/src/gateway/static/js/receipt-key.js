// What a receipt opens, derived here so that the receipt itself never leaves the browser (`common.receipt`).

import { encode, utf8 } from "./bytes.js";
import { keyPair } from "./sealing.js";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford base 32
const CHECKS = `${ALPHABET}*~$=U`; // the check symbol is the value modulo 37
const LENGTH = 20;
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

/** The look-up id and key pair behind the 20 characters of a receipt. */
export async function mailboxOf(body) {
  const pair = await keyPair(await derive(body, "vermoeden/mailbox-key/v1", 32));
  return { lookupId: encode(await derive(body, "vermoeden/mailbox-lookup/v1", 16)), pair };
}

async function derive(secret, info, bytes) {
  const material = await crypto.subtle.importKey("raw", utf8(secret), "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, material, bytes * 8));
}
