// A report that could not be sent, kept in this browser: encrypted under a key that no script can read out,
// for a day at most, and gone as soon as it was sent or its reporter says so.

import { encode, text, utf8 } from "./bytes.js";

const DATABASE = "vermoeden";
const STORE = "drafts";
const KEPT_MS = 24 * 60 * 60 * 1000;
const SENDING = "vermoeden-sending"; // in this tab: the draft of which an answer is awaited

/** The name of the draft of the report with this idempotency key, which is a secret and no name. */
export async function nameOf(reportKey) {
  const digest = await crypto.subtle.digest("SHA-256", utf8(`vermoeden/draft/v1 ${reportKey}`));
  return encode(new Uint8Array(digest));
}

/** Keeps these fields of a form to this address, in place of what was kept of the same report. */
export async function keep(address, reportKey, fields) {
  const id = await nameOf(reportKey);
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const bound = { name: "AES-GCM", iv, additionalData: utf8(address) };
  const sealed = await crypto.subtle.encrypt(bound, key, utf8(JSON.stringify(fields)));
  await within("readwrite", (store) => store.put({ id, address, key, iv, sealed, keptAt: Date.now() }), true);
  sessionStorage.setItem(SENDING, id);
}

/** Every draft for this address with its fields, newest first; what is too old is destroyed. */
export async function drafts(address) {
  const found = [];
  for (const { id, key, iv, sealed, keptAt, address: kept } of await all()) {
    if (Date.now() - keptAt > KEPT_MS) await forget(id);
    else if (kept === address) {
      const bound = { name: "AES-GCM", iv, additionalData: utf8(address) };
      const opened = new Uint8Array(await crypto.subtle.decrypt(bound, key, sealed));
      found.push({ id, keptAt, fields: JSON.parse(text(opened)) });
    }
  }
  return found.sort((one, other) => other.keptAt - one.keptAt);
}

/** Destroys a draft and its key, and after the last one every trace that there were any. */
export async function forget(id) {
  if (sessionStorage.getItem(SENDING) === id) sessionStorage.removeItem(SENDING);
  await within("readwrite", (store) => store.delete(id));
  if ((await all()).length === 0) indexedDB.deleteDatabase(DATABASE);
}

/** The report that this tab sent has arrived: its draft is no more use. */
export async function forgetSent() {
  const id = sessionStorage.getItem(SENDING);
  if (id) await forget(id);
}

const all = async () => (await within("readonly", (store) => store.getAll())) ?? [];

/** What `ask` answers; undefined when there are no drafts at all, unless `isNew` makes a place for them. */
async function within(mode, ask, isNew = false) {
  const database = await open(isNew);
  if (!database) return undefined;
  try {
    const transaction = database.transaction(STORE, mode);
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
    const request = indexedDB.open(DATABASE, 1);
    let isMissing = false;
    request.onupgradeneeded = () => {
      isMissing = !isNew;
      if (isMissing) request.transaction.abort(); // then nothing is made
      else request.result.createObjectStore(STORE, { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = (event) => {
      event.preventDefault();
      if (isMissing) resolve(null);
      else reject(request.error);
    };
  });
}
