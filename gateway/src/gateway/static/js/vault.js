// A person's keys: opened with the passphrase, kept in this page's memory, forgotten when it is left idle, and
// when the session that they were opened in is not the one of this browser any more.

import { argon2idAsync } from "../vendor/noble-hashes/argon2.js";
import { decode, encode, utf8 } from "./bytes.js";
import { CannotOpen, context, keyPair, openSealed } from "./sealing.js";

const IDLE_MINUTES = 15;
const KEY_BYTES = 32;
/** Pages of this browser tell here whose session it is by now: its token, or nothing when somebody signs out. */
const sessions = new BroadcastChannel("vermoeden-session");

/** There is no vault for this person yet. */
export class NoVault extends Error {}

/** The session has ended, or another took its place; nothing can be opened until somebody signs in again. */
export class SignedOut extends Error {}

export class Vault {
  #keys = new Map();
  #signer;
  #timer;
  #idleAt = 0;
  #session;

  /** `session` is the token of the session that the page is of. */
  constructor(session) {
    this.#session = session;
    // A timer stands still while a machine sleeps or a page is frozen, and a page that is frozen hears nothing:
    // look at the clock, and whose session it is, on the way back.
    for (const happened of ["visibilitychange", "pageshow", "focus"]) {
      addEventListener(happened, ({ target }) => this.#lookAgain(!(target instanceof Element)), true);
    }
    addEventListener("pagehide", () => this.isOpen && this.lock());
    sessions.addEventListener("message", ({ data }) => this.isOpen && data !== this.#session && this.lock());
  }

  /** The key pairs by key id; empty while locked. */
  get keys() {
    this.#stayAwake();
    return this.#keys;
  }

  /** Who vouches for the municipality's keys, as its owner pinned it; null in a vault that is older than that. */
  get signer() {
    return this.#signer;
  }

  get isOpen() {
    return this.#keys.size > 0;
  }

  /** Fetch the vault and open it; throws `CannotOpen` for a wrong passphrase, `NoVault`, `SignedOut`, or a network error. */
  async unlock(passphrase, onLock = () => {}) {
    await this.#requireSession();
    const answer = await fetch("/api/v1/vault", { headers: { accept: "application/json" } });
    if (answer.status === 401) throw new SignedOut();
    if (answer.status === 404) throw new NoVault();
    if (!answer.ok) throw new Error(`vault ${answer.status}`);
    const stored = await answer.json();
    const kept = await unwrap(stored, passphrase);
    const own = await keyPair(kept.slice(0, KEY_BYTES));
    const opened = stored.groups.map(async ({ group, keyId, wrappedKey }) => {
      const bound = context(stored.municipality, "group-key", group, keyId);
      return [keyId, await keyPair(await openSealed(wrappedKey, own, bound))];
    });
    this.#keys = new Map(await Promise.all(opened));
    this.#signer = kept.length > KEY_BYTES ? encode(kept.slice(KEY_BYTES)) : null;
    this.onLock = onLock;
    this.#stayAwake();
    await this.#requireSession(); // from here on a message would lock it
  }

  /** Forget every key. */
  lock() {
    this.#keys = new Map();
    clearTimeout(this.#timer);
    this.onLock?.();
  }

  #lookAgain(isBack) {
    if (!this.isOpen) return;
    if (Date.now() > this.#idleAt) this.lock();
    else if (isBack) this.#requireSession().catch((error) => error instanceof SignedOut && this.lock());
  }

  /** Throws `SignedOut` when the page is of another session than this browser, or an error when it is not known. */
  async #requireSession() {
    const answer = await fetch("/api/v1/sessions/current", { headers: { accept: "application/json" } });
    if (answer.status === 401) throw new SignedOut();
    if (!answer.ok) throw new Error(`session ${answer.status}`);
    if ((await answer.json()).csrfToken !== this.#session) throw new SignedOut();
  }

  #stayAwake() {
    clearTimeout(this.#timer);
    if (!this.isOpen) return;
    this.#idleAt = Date.now() + IDLE_MINUTES * 60_000;
    this.#timer = setTimeout(() => this.lock(), IDLE_MINUTES * 60_000);
  }
}

async function unwrap({ municipality, person, wrappedPrivateKey }, passphrase) {
  const { salt, memoryKib, passes, nonce, ciphertext } = wrappedPrivateKey;
  const options = { m: memoryKib, t: passes, p: 1, dkLen: 32 };
  const raw = await argon2idAsync(utf8(passphrase), decode(salt), options);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  const additionalData = context(municipality, "person-key", person);
  try {
    const parameters = { name: "AES-GCM", iv: decode(nonce), additionalData };
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, decode(ciphertext)));
  } catch {
    throw new CannotOpen();
  }
}
