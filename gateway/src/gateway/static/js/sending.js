// How a report form leaves: with a proof of work, and with a draft kept when nobody answers.
// Where anything here fails, the form leaves as it would without script.

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
    if (!button?.matches("[data-proves]")) return;
    event.preventDefault();
    departure.begin(button);
  });
  addEventListener("pageshow", () => departure.end()); // back from the browser's memory it can leave again
  return departure;
}

class Departure {
  constructor(form) {
    this.form = form;
    this.said = JSON.parse(form.dataset.sends);
    this.status = form.querySelector("[data-status]");
    this.wait = FIRST_WAIT_SECONDS;
    this.isLeaving = false;
    this.keeping = new Keeping(form, (words) => this.say(words), this.said);
    form.querySelector("[data-forget]")?.addEventListener("click", () => this.stopWaiting());
    addEventListener("online", () => this.again?.());
  }

  async begin(button) {
    if (this.isLeaving) return;
    this.isLeaving = true;
    this.stopWaiting();
    this.say(this.said.busy);
    for (const each of this.form.querySelectorAll("button")) each.setAttribute("aria-disabled", "true");
    this.put("step", button.value);
    try {
      await this.prove();
    } catch (error) {
      if (error instanceof TypeError) return this.stay(button); // nobody answers: the network is away
      console.info("leaves without a proof", error.message);
    }
    this.form.submit();
  }

  /** Puts a proof in the form, unless it has one that serves; also finds out whether anybody is there. */
  async prove() {
    const { municipality } = this.form.dataset;
    const found = await challenge(municipality);
    const kept = this.form.elements.namedItem("proof")?.value ?? "";
    if (!municipality || !found || isFresh(kept, found)) return;
    const tell = (percent) => this.say(this.said.longer.replace("#", percent));
    this.put("proof", await proofFor(found, this.key, tell));
  }

  /** Sending failed: keeps what was filled in where that can be done safely, and tries again by itself. */
  async stay(button) {
    this.end();
    const isKept = await this.keeping.keep();
    this.waitFor(() => this.begin(button), `${this.said.away} ${isKept ? this.said.kept : this.said.not_kept}`);
  }

  waitFor(again, words) {
    this.say(`${words} ${this.said.again.replace("#", this.wait)}`);
    this.again = again;
    this.timer = setTimeout(again, this.wait * 1000);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_SECONDS);
  }

  stopWaiting() {
    clearTimeout(this.timer);
    this.again = null;
  }

  get key() {
    return this.form.elements.namedItem("key").value;
  }

  end() {
    this.isLeaving = false;
    for (const each of this.form.querySelectorAll("button")) each.removeAttribute("aria-disabled");
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

  // --- the page that says that nothing was sent yet ---

  /** Sends the form in the background until there is an answer, and then in the foreground: it is one report. */
  async retry() {
    const isKept = await this.keeping.keep();
    const button = this.form.querySelector("[data-proves]");
    const attempt = async () => {
      this.put("step", button.value);
      let isAway = true;
      try {
        await this.prove();
        const body = new URLSearchParams([...new FormData(this.form)]);
        const answer = await fetch(this.form.action, { method: "POST", body, headers: { accept: "text/html" } });
        isAway = AWAY.has(answer.status);
      } catch (error) {
        console.info("still away", error.message);
      }
      if (this.again !== attempt) return; // the reporter was quicker
      if (isAway) this.waitFor(attempt, "");
      else await this.begin(button);
    };
    this.waitFor(attempt, isKept ? this.said.kept : this.said.not_kept);
  }
}

for (const form of document.querySelectorAll("form[data-sends]")) {
  const departure = sends(form);
  if (form.matches("[data-again]")) departure.retry();
}
