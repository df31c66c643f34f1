// What the page of a report asks of the server.

import { SignedOut } from "./vault.js";

/** The server understood, and said no; the message is the code of the problem. */
export class Refused extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
  }
}

/** Do something with a report: throws `SignedOut`, `Refused`, or a network error. */
export async function post(report, csrf, action, body) {
  const answer = await fetch(`/api/v1/reports/${report}/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": csrf },
    body: JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 401 || told.code === "csrf-token") throw new SignedOut();
  if (!answer.ok) throw new Refused(answer.status, told.code);
  return told;
}

/** A report as it is now; throws `SignedOut`, or an error. */
export async function read(report) {
  const answer = await fetch(`/api/v1/reports/${report}`);
  if (answer.status === 401) throw new SignedOut();
  if (!answer.ok) throw new Error(`report ${answer.status}`);
  return answer.json();
}
