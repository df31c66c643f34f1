// Contents, questions and keys as they are sealed: the format of `common.sealing` and docs/sealing.md.

import { decode, encode, join, utf8 } from "./bytes.js";
import * as hpke from "./hpke.js";

const LABEL = "vermoeden/v1";
const BUCKETS = [4096, 8192, 16384];

export const { CannotOpen, keyPair } = hpke;

/** What a ciphertext is bound to, so that it cannot be moved to another place. */
export function context(municipality, compartment, subject, keyId = "") {
  return utf8(JSON.stringify([LABEL, municipality, compartment, subject, keyId]));
}

/** Seal a text for one reader, a question to a reporter; its length is not told. */
export async function sealText(plain, publicKey, bound) {
  return encode(await hpke.seal(pad(utf8(plain)), decode(publicKey), bound));
}

/** Open what `sealText` made, as bytes. */
export async function openText(sealed, pair, bound) {
  return unpad(await openSealed(sealed, pair, bound));
}

/** Open base64url HPKE. */
export function openSealed(sealed, pair, bound) {
  return hpke.open(decode(sealed), pair, bound);
}

/** Seal a text for a key group `{group, keyId, publicKey}`: a random content key, wrapped by HPKE. */
export async function sealContent(plain, recipient, municipality, compartment, subject) {
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const parameters = { name: "AES-GCM", iv: nonce, additionalData: context(municipality, compartment, subject) };
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt(parameters, key, pad(utf8(plain))));
  const bound = context(municipality, compartment, subject, recipient.keyId);
  const wrappedKey = encode(await hpke.seal(raw, decode(recipient.publicKey), bound));
  return {
    version: 1,
    nonce: encode(nonce),
    ciphertext: encode(ciphertext),
    wraps: [{ group: recipient.group, keyId: recipient.keyId, wrappedKey }],
  };
}

/** The content key behind the first of these wraps for which `keys` (a Map of key id → pair) has the key. */
export async function openKey(wraps, keys, municipality, compartment, subject) {
  const wrap = wraps.find((each) => keys.has(each.keyId));
  if (!wrap) throw new CannotOpen();
  const bound = context(municipality, compartment, subject, wrap.keyId);
  return hpke.open(decode(wrap.wrappedKey), keys.get(wrap.keyId), bound);
}

/** Open a content with whichever of the keys it is wrapped for. */
export async function openContent(sealed, keys, municipality, compartment, subject) {
  const raw = await openKey(sealed.wraps, keys, municipality, compartment, subject);
  try {
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
    const additionalData = context(municipality, compartment, subject);
    const parameters = { name: "AES-GCM", iv: decode(sealed.nonce), additionalData };
    return unpad(new Uint8Array(await crypto.subtle.decrypt(parameters, key, decode(sealed.ciphertext))));
  } catch {
    throw new CannotOpen();
  }
}

function pad(plain) {
  const needed = plain.length + 1;
  const largest = BUCKETS.at(-1);
  const size = BUCKETS.find((bucket) => needed <= bucket) ?? Math.ceil(needed / largest) * largest;
  return join(plain, Uint8Array.of(0x80), new Uint8Array(size - needed));
}

function unpad(padded) {
  const mark = padded.lastIndexOf(0x80);
  if (mark < 0 || padded.subarray(mark + 1).some((byte) => byte !== 0)) throw new CannotOpen();
  return padded.slice(0, mark);
}
