// The gateway's half of the key of a draft: asked for, and destroyed. It is kept in memory only.

import { decode } from "./bytes.js";

const PATH = "/api/v1/draft-keys";
const WAIT_MS = 5000;

/** The half under a new id, for a form; throws when the gateway holds no more, or nobody answers. */
export const makeHalf = (form, id) => half(form, PATH, id);

/** The half under this id; null when it was destroyed. Throws when that is not certain. */
export const findHalf = (form, id) => half(form, `${PATH}/_open`, id);

/** Has the half under this id destroyed. Throws when that is not certain. */
export async function destroyHalf(form, id) {
  const answer = await post(form, `${PATH}/_destroy`, id);
  if (!answer.ok) throw new Error(`draft key ${answer.status}`);
}

async function half(form, path, id) {
  const answer = await post(form, path, id);
  if (answer.ok) return decode((await answer.json()).half);
  if (answer.status === 404) return null;
  throw new Error(`draft key ${answer.status}`);
}

function post(form, path, id) {
  const token = document.querySelector("input[name=csrf_token]")?.value;
  const { municipality } = form.dataset;
  const headers = {
    accept: "application/json",
    "content-type": "application/json",
    ...(municipality ? { municipality } : {}),
    ...(token ? { "x-csrf-token": token } : {}),
  };
  const body = JSON.stringify({ id });
  return fetch(path, { method: "POST", headers, body, cache: "no-store", keepalive: true, signal: AbortSignal.timeout(WAIT_MS) });
}
