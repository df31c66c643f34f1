// A question, sealed twice: its reporter and colleagues hold what they open against one digest, on record
// (`common.questions`, docs/sealing.md).

import { encode, utf8 } from "./bytes.js";
import { NotVouched } from "./vouching.js";

/** What is sealed to both readers, and its digest; a first line of random characters keeps that from telling. */
export async function committed(question) {
  const said = `${encode(crypto.getRandomValues(new Uint8Array(16)))}\n${question}`;
  return { said, digest: await digestOf(said) };
}

/** The question in what was opened; throws `NotVouched` when the digest is not of this. */
export async function questionOf(said, digest) {
  if (!digest) return said; // asked before questions had one
  const at = said.indexOf("\n");
  if (at < 0 || (await digestOf(said)) !== digest) throw new NotVouched();
  return said.slice(at + 1);
}

const digestOf = async (said) => encode(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(said))));
