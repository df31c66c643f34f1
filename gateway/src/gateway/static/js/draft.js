// A report that could not be sent, or that its reporter keeps, on this device: for a day at most, and under a key of
// which this browser holds one half and the gateway the other. What a browser deletes may stay on its disk; once the
// gateway destroyed its half, nobody can open it.

import { decode, encode, join, text, utf8 } from "./bytes.js";

const DATABASE = "vermoeden";
const VERSION = 2; // the first kept its whole key beside the text
const STORE = "drafts";
const KEPT_MS = 24 * 60 * 60 * 1000;
const PADDED_TO = 4096; // bytes, so that the size of what is kept tells little

/** An id that nobody has yet. */
export const newId = () => encode(crypto.getRandomValues(new Uint8Array(16)));

/** Keeps this content for this address under an id, in place of what was kept under it. */
export async function keep(address, id, half, content) {
  const mine = crypto.getRandomValues(new Uint8Array(32));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = utf8(JSON.stringify(content));
  const padded = join(plain, new Uint8Array(PADDED_TO - (plain.length % PADDED_TO)).fill(0x20));
  const bound = { name: "AES-GCM", iv, additionalData: utf8(address) };
  const sealed = await crypto.subtle.encrypt(bound, await keyOf(id, mine, half), padded);
  await within("readwrite", (store) => store.put({ id, address, mine, iv, sealed, keptAt: Date.now() }), true);
}

/** Every draft for this address, sealed, newest first; what is too old is deleted. */
export async function drafts(address) {
  const found = [];
  for (const draft of await all()) {
    if (Date.now() - draft.keptAt > KEPT_MS) await forget(draft.id);
    else if (draft.address === address) found.push(draft);
  }
  return found.sort((one, other) => other.keptAt - one.keptAt);
}

/** What was kept, with the gateway's half; throws when that is not the right one. */
export async function opened({ id, address, mine, iv, sealed }, half) {
  const bound = { name: "AES-GCM", iv, additionalData: utf8(address) };
  const padded = await crypto.subtle.decrypt(bound, await keyOf(id, mine, half), sealed);
  return JSON.parse(text(new Uint8Array(padded)));
}

/** Deletes a draft with this browser's half, and after the last one the place where they were. */
export async function forget(id) {
  await within("readwrite", (store) => store.delete(id));
  if ((await all()).length === 0) indexedDB.deleteDatabase(DATABASE);
}

async function keyOf(id, mine, half) {
  const material = await crypto.subtle.importKey("raw", join(mine, half), "HKDF", false, ["deriveKey"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: decode(id), info: utf8("vermoeden/draft/v2") };
  return crypto.subtle.deriveKey(parameters, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

const all = async () => (await within("readonly", (store) => store.getAll())) ?? [];

/** What `ask` answers; undefined when there are no drafts at all, unless `isNew` makes a place for them. */
async function within(mode, ask, isNew = false) {
  const database = await open(isNew);
  if (!database) return undefined;
  try {
    const transaction = database.transaction(STORE, mode, { durability: "strict" });
    const asked = ask(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return asked.result;
  } finally {
    database.close();
  }
}

function open(isNew) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    let isMissing = false;
    request.onupgradeneeded = ({ oldVersion }) => {
      isMissing = !isNew && oldVersion === 0;
      if (isMissing) return request.transaction.abort(); // then nothing is made
      if (oldVersion > 0) request.result.deleteObjectStore(STORE);
      request.result.createObjectStore(STORE, { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = (event) => {
      event.preventDefault();
      if (isMissing) resolve(null);
      else reject(request.error);
    };
  });
}
