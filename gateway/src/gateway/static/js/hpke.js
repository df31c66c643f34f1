// HPKE base mode (RFC 9180) on WebCrypto: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message.
// A sealed message is `enc || ciphertext`, 48 bytes longer than the plaintext, as `common.sealing` makes it.

import { join, utf8 } from "./bytes.js";

const EMPTY = new Uint8Array(0);
const VERSION = utf8("HPKE-v1");
const KEM = Uint8Array.of(...utf8("KEM"), 0x00, 0x20);
const SUITE = Uint8Array.of(...utf8("HPKE"), 0x00, 0x20, 0x00, 0x01, 0x00, 0x02);
// PKCS#8 before the 32 raw bytes of an X25519 private key: WebCrypto takes no raw private key.
const PKCS8 = Uint8Array.of(0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20);
const ENC_BYTES = 32;

/** Wrong key, wrong context or changed bytes; which of these is not told. */
export class CannotOpen extends Error {}

/** A key pair from the 32 raw bytes of its private half; the private key cannot be exported. */
export async function keyPair(rawPrivate) {
  const pkcs8 = join(PKCS8, rawPrivate);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
  // The public half is private × base point: agree with the base point, which is the number 9.
  const base = new Uint8Array(32);
  base[0] = 9;
  return { privateKey, publicKey: await agree(privateKey, base) };
}

/** Seal to a raw public key; `info` binds the context. */
export async function seal(plaintext, publicKey, info) {
  const ephemeral = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));
  const shared = await sharedSecret(await agree(ephemeral.privateKey, publicKey), enc, publicKey);
  const { key, nonce } = await schedule(shared, info);
  const ciphertext = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, plaintext);
  return join(enc, new Uint8Array(ciphertext));
}

/** Open what was sealed to this pair; throws `CannotOpen`. */
export async function open(sealed, pair, info) {
  try {
    const enc = sealed.slice(0, ENC_BYTES);
    const shared = await sharedSecret(await agree(pair.privateKey, enc), enc, pair.publicKey);
    const { key, nonce } = await schedule(shared, info);
    return new Uint8Array(
      await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce }, key, sealed.slice(ENC_BYTES)),
    );
  } catch {
    throw new CannotOpen();
  }
}

async function agree(privateKey, rawPublic) {
  const imported = await crypto.subtle.importKey("raw", rawPublic, { name: "X25519" }, false, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: imported }, privateKey, 256));
}

async function sharedSecret(dh, enc, publicKey) {
  const prk = await extract(KEM, EMPTY, "eae_prk", dh);
  return expand(KEM, prk, "shared_secret", join(enc, publicKey), 32);
}

async function schedule(shared, info) {
  const idHash = await extract(SUITE, EMPTY, "psk_id_hash", EMPTY);
  const infoHash = await extract(SUITE, EMPTY, "info_hash", info);
  const context = join(Uint8Array.of(0), idHash, infoHash);
  const secret = await extract(SUITE, shared, "secret", EMPTY);
  const raw = await expand(SUITE, secret, "key", context, 32);
  const nonce = await expand(SUITE, secret, "base_nonce", context, 12);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  return { key, nonce };
}

function extract(suite, salt, label, material) {
  return hmac(salt.length ? salt : new Uint8Array(32), join(VERSION, suite, utf8(label), material));
}

async function expand(suite, prk, label, info, length) {
  const labelled = join(Uint8Array.of(length >> 8, length & 255), VERSION, suite, utf8(label), info);
  return (await hmac(prk, join(labelled, Uint8Array.of(1)))).slice(0, length); // one block: length ≤ 32
}

async function hmac(key, data) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}
