// How a report form leaves: with a proof of work, and with a draft kept while nobody answers.
// Where anything here fails, the form leaves as it would without script.

import { forget, keep, nameOf } from "./draft.js";
import { challenge, isFresh, proofFor } from "./proof.js";

const FIRST_WAIT_SECONDS = 5;
const LONGEST_WAIT_SECONDS = 60;
const AWAY = new Set([429, 502, 503, 504]);
const NOT_KEPT = new Set(["csrf_token", "proof", "step"]);

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
    this.box = form.querySelector("[data-away]");
    this.wait = FIRST_WAIT_SECONDS;
    this.isLeaving = false;
    form.querySelector("[data-forget]")?.addEventListener("click", (event) => this.forget(event.currentTarget));
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
    if (button.value === "send") await this.keep();
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

  /** Keeps what was filled in, and tries again by itself. */
  async stay(button) {
    this.end();
    await this.keep();
    if (this.box) this.box.hidden = false;
    this.waitFor(() => this.begin(button), this.said.away);
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

  async keep() {
    const fields = [...new FormData(this.form)].filter(
      ([name, value]) => typeof value === "string" && !NOT_KEPT.has(name),
    );
    try {
      await keep(this.form.action, this.key, fields);
    } catch (error) {
      console.info("no draft was kept", error.message);
    }
  }

  get key() {
    return this.form.elements.namedItem("key").value;
  }

  async forget(button) {
    this.stopWaiting();
    await forget(await nameOf(this.key));
    if (this.box) this.box.hidden = true;
    this.say(button.dataset.forgotten);
  }

  /** This page answers what was sent and holds all of it: what was kept is no more use. */
  async settle() {
    try {
      await forget(await nameOf(this.key));
    } catch (error) {
      console.info("no drafts here", error.message);
    }
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
  retry() {
    this.keep();
    if (this.box) this.box.hidden = false;
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
    this.waitFor(attempt, "");
  }
}

for (const form of document.querySelectorAll("form[data-sends]")) {
  const departure = sends(form);
  if (form.matches("[data-again]")) departure.retry();
  else departure.settle();
}
