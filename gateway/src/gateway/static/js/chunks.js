// Files that were sealed in chunks (`common.chunks`, docs/sealing.md): opened as they come, whole or not at all.

import { join } from "./bytes.js";
import { CannotOpen } from "./sealing.js";

const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const VERSION = 1;
const PREFIX_BYTES = 7;

/** The plaintext of a sealed stream (a ReadableStream) as a list of chunks; `CannotOpen` unless all is true. */
export async function openChunks(stream, rawKey, bound) {
  const key = await crypto.subtle.importKey("raw", rawKey, "AES-GCM", false, ["decrypt"]);
  const opened = [];
  let held = new Uint8Array(0);
  let prefix = null;
  const open = async (sealed, isLast) => {
    const parameters = { name: "AES-GCM", iv: nonce(prefix, opened.length, isLast), additionalData: bound };
    try {
      opened.push(new Uint8Array(await crypto.subtle.decrypt(parameters, key, sealed)));
    } catch {
      throw new CannotOpen();
    }
  };
  const reader = stream.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    held = join(held, piece.value);
    if (prefix === null) {
      if (held.length <= PREFIX_BYTES) continue;
      if (held[0] !== VERSION) throw new CannotOpen();
      prefix = held.slice(1, 1 + PREFIX_BYTES);
      held = held.slice(1 + PREFIX_BYTES);
    }
    let at = 0;
    for (; held.length - at > CHUNK_BYTES + TAG_BYTES; at += CHUNK_BYTES + TAG_BYTES) {
      await open(held.subarray(at, at + CHUNK_BYTES + TAG_BYTES), false);
    }
    held = held.slice(at);
  }
  if (prefix === null) throw new CannotOpen();
  await open(held, true);
  return opened;
}

function nonce(prefix, number, isLast) {
  const whole = new Uint8Array(PREFIX_BYTES + 5);
  whole.set(prefix);
  new DataView(whole.buffer).setUint32(PREFIX_BYTES, number);
  whole[PREFIX_BYTES + 4] = isLast ? 1 : 0;
  return whole;
}
