// How a report form leaves: with a proof of work, and with a draft kept when nobody answers.
// Where the proof fails, the form leaves without it.

import { Away, answerTo, eachPage, setLeaving, show } from "./in-place.js";
import { Keeping } from "./keeping.js";
import { challenge, isFresh, proofFor } from "./proof.js";

const FIRST_WAIT_SECONDS = 5;
const LONGEST_WAIT_SECONDS = 60;
const AWAY = new Set([429, 502, 503, 504]);

/** Lets this form leave by its buttons that prove; others leave at once. */
export function sends(form) {
  const departure = new Departure(form);
  form.addEventListener("submit", (event) => {
    const button = event.submitter ?? form.querySelector("[data-proves]");
    if (!button?.matches("[data-proves]")) return departure.stop(); // another way was chosen
    event.preventDefault();
    departure.begin(button);
  });
  return departure;
}

class Departure {
  constructor(form) {
    this.form = form;
    this.said = JSON.parse(form.dataset.sends);
    this.status = form.querySelector("[data-status]");
    this.wait = FIRST_WAIT_SECONDS;
    this.turn = null; // while it is leaving
    this.keeping = new Keeping(form, (words) => this.say(words), this.said);
    form.querySelector("[data-forget]")?.addEventListener("click", () => this.stop());
    addEventListener("online", () => this.again?.());
  }

  async begin(button) {
    if (this.turn || !this.form.isConnected) return; // or another page came in the place of this one
    this.stop();
    const turn = (this.turn = Symbol("turn"));
    this.say(this.said.busy);
    setLeaving(this.form, true);
    try {
      await this.prove();
      if (this.turn !== turn) return;
      await this.leave(button);
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      if (this.turn === turn) await this.stay(button);
    }
  }

  /** Throws `Away` when nobody answers; the page that says that nothing was sent yet stays for less than an answer. */
  async leave(button) {
    const answer = await answerTo(this.form, button);
    if (this.isWaiting && AWAY.has(answer.status)) throw new Away(answer.status);
    await show(answer);
    this.stop();
    this.say("");
  }

  /** Puts a proof in the form, unless it has one that serves, or none can be made. Throws `Away` when nobody answers. */
  async prove() {
    const { municipality } = this.form.dataset;
    const found = await challenge(municipality).catch((error) => {
      throw new Away(error.message);
    });
    const kept = this.form.elements.namedItem("proof")?.value ?? "";
    if (!municipality || !found || isFresh(kept, found)) return;
    const tell = (percent) => this.say(this.said.longer.replace("#", percent));
    const proof = await proofFor(found, this.key, tell).catch((error) => console.info("no proof", error.message));
    if (proof) this.put("proof", proof);
  }

  /** Sending failed: keeps what was filled in where that can be done safely, and tries again by itself. */
  async stay(button) {
    this.stop();
    const isKept = await this.keeping.keep();
    const kept = isKept ? this.said.kept : this.said.not_kept;
    this.waitFor(() => this.begin(button), this.isWaiting ? kept : `${this.said.away} ${kept}`);
  }

  waitFor(again, words) {
    this.say(`${words} ${this.said.again.replace("#", this.wait)}`);
    this.again = again;
    this.timer = setTimeout(again, this.wait * 1000);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_SECONDS);
  }

  /** It stays: nothing is on its way, or waits to be. */
  stop() {
    clearTimeout(this.timer);
    this.again = this.turn = null;
    setLeaving(this.form, false);
  }

  /** Is this the page that says that nothing was sent yet? */
  get isWaiting() {
    return this.form.matches("[data-again]");
  }

  get key() {
    return this.form.elements.namedItem("key").value;
  }

  say(words) {
    this.status.textContent = words;
  }

  put(name, value) {
    let input = this.form.querySelector(`input[type=hidden][name=${name}]`);
    if (!input) {
      input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      this.form.append(input);
    }
    input.value = value;
  }
}

eachPage(() => {
  for (const form of document.querySelectorAll("form[data-sends]")) {
    const departure = sends(form);
    if (departure.isWaiting) departure.stay(form.querySelector("[data-proves]"));
  }
});
