// Who vouches for a public key, checked before anything is sealed to it (`common.vouching`, docs/sealing.md).

import { decode, encode, join, utf8 } from "./bytes.js";

const LABEL = "vermoeden/v1";

/** Nobody whom this reader trusts signed this. */
export class NotVouched extends Error {}

const statement = (what, ...parts) => utf8(JSON.stringify([LABEL, what, ...parts]));

/** Throws `NotVouched` unless this Ed25519 key signed this; another error where the browser cannot tell. */
export async function requireSigned(bytes, signature, publicKey) {
  let isSigned = false;
  try {
    const key = await crypto.subtle.importKey("raw", decode(publicKey), { name: "Ed25519" }, false, ["verify"]);
    isSigned = await crypto.subtle.verify({ name: "Ed25519" }, key, decode(signature), bytes);
  } catch (error) {
    if (error.name === "NotSupportedError") throw error;
  }
  if (!isSigned) throw new NotVouched();
}

/** The last of a chain of signers, each of whom signed the next; from `pinned` on where it is given. */
export async function currentSigner(municipality, signers, pinned) {
  const known = signers.map(({ publicKey }) => publicKey);
  const start = pinned === undefined ? 0 : known.indexOf(pinned);
  if (!known.length || start < 0) throw new NotVouched();
  for (let at = start + 1; at < signers.length; at += 1) {
    await requireSigned(statement("signer", municipality, known[at]), signers[at].signature, known[at - 1]);
  }
  return known.at(-1);
}

/** Throws `NotVouched` unless the signer that follows from `pinned` vouches for the public half of a key group. */
export async function requireGroupKey(municipality, { group, keyId, publicKey, signature }, signers, pinned) {
  const signer = await currentSigner(municipality, signers, pinned);
  await requireSigned(statement("group-key", municipality, group, keyId, publicKey), signature, signer);
}

/** Throws `NotVouched` unless a mailbox pinned a signer of this key for this group; `pinKey` is the receipt's. */
export async function requirePinnedKey(municipality, key, signers, pin, pinKey) {
  for (const { publicKey } of signers) {
    if ((await mac(pinKey, statement("mailbox", publicKey, key.group))) === pin) {
      return requireGroupKey(municipality, key, signers, publicKey);
    }
  }
  throw new NotVouched();
}

/** Throws `NotVouched` unless intake vouches for the keys of a reporter; `known` are intake's keys by id. */
export async function requireReporter(municipality, report, publicKey, voucher, known) {
  const own = voucher && Object.hasOwn(known, voucher.keyId) ? known[voucher.keyId] : "";
  if (!own) throw new NotVouched();
  const { verifyKey, contentDigest, signature } = voucher;
  const said = statement("report", municipality, report, publicKey, verifyKey, contentDigest);
  await requireSigned(said, signature, own);
}

/** What a reporter signs of a reply. */
export async function replyStatement(municipality, questionId, replyId, sealed) {
  return statement("reply", municipality, questionId, replyId, await digestOf(sealed));
}

/** SHA-256 of nonce and ciphertext; wraps may be added and taken away. */
export async function digestOf({ nonce, ciphertext }) {
  return encode(new Uint8Array(await crypto.subtle.digest("SHA-256", join(decode(nonce), decode(ciphertext)))));
}

/** Raise the alarm at the gateway; what is refused stays refused when that fails. */
export function alarm(where, headers) {
  const body = JSON.stringify({ where });
  const sent = { method: "POST", headers: { "content-type": "application/json", ...headers }, body, keepalive: true };
  fetch("/api/v1/key-alarms", sent).catch((error) => console.info("alarm not sent", error.message));
}

async function mac(raw, bytes) {
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return encode(new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes)));
}
