// Keeps a form on this device when its reporter asks for it, or when it could not be sent; nothing otherwise.

import { findHalf, makeHalf, destroyHalf } from "./draft-key.js";
import { forget, keep, newId } from "./draft.js";

const NOT_KEPT = new Set(["csrf_token", "proof", "step", "draft"]);
const AGAIN_MS = 30_000;

export class Keeping {
  #half = null; // the gateway's, fetched while it can be: without it nothing is written
  #asking = null;
  #askedAt = -Infinity;

  /** `say` tells the reporter; `said` has the words. */
  constructor(form, say, said) {
    this.form = form;
    this.say = say;
    this.said = said;
    this.offer = form.querySelector("[data-keep-offer]");
    this.box = form.querySelector("[data-kept]");
    if (this.offer) this.offer.hidden = false;
    form.querySelector("[data-keep]")?.addEventListener("click", () => this.#keepOnDemand());
    form.querySelector("[data-forget]")?.addEventListener("click", () => this.erase());
    form.addEventListener("input", () => this.prepare());
    if (this.id || form.elements.namedItem("description")?.value) this.prepare();
  }

  /** Fetches the gateway's half, unless it is here, on its way, or was refused a moment ago. */
  prepare() {
    if (this.#half || Date.now() - this.#askedAt < AGAIN_MS) return this.#asking;
    this.#askedAt = Date.now();
    this.#asking = this.#fetchHalf().catch((error) => console.info("no half of a key now", error.message));
    return this.#asking;
  }

  /** Writes what stands in the form to this device; says whether it could. */
  async keep() {
    try {
      await this.#refresh();
      if (!this.#half) return false;
      await keep(this.form.action, this.id, this.#half, { fields: this.#fields(), isReady: this.#isReady() });
    } catch (error) {
      console.info("no draft was kept", error.message);
      return false;
    }
    if (this.box) this.box.hidden = false;
    if (this.offer) this.offer.hidden = true;
    this.offer?.removeAttribute("open");
    return true;
  }

  /** Deletes what was kept, and has the gateway destroy its half: now, or as soon as it can be reached. */
  async erase() {
    const id = this.id;
    this.#half = null;
    this.#askedAt = -Infinity;
    this.#putId("");
    if (this.box) this.box.hidden = true;
    if (this.offer) this.offer.hidden = false;
    this.form.dispatchEvent(new Event("erased"));
    if (!id) return;
    await forget(id).catch((error) => console.info("no drafts here", error.message));
    await this.#destroy(id);
  }

  get id() {
    return this.form.elements.namedItem("draft")?.value ?? "";
  }

  async #destroy(id) {
    try {
      await destroyHalf(this.form, id);
      this.say(this.said.forgotten);
    } catch (error) {
      console.info("the half of a key is still there", error.message);
      this.say(this.said.forgotten_later);
      addEventListener("online", () => this.#destroy(id), { once: true });
    }
  }

  async #keepOnDemand() {
    const isKept = await this.keep();
    this.say(isKept ? this.said.kept : this.said.not_kept);
    if (isKept) this.box?.querySelector("[data-forget]")?.focus();
  }

  /** Makes sure of the half, where somebody answers: another page may have had it destroyed meanwhile. */
  async #refresh() {
    await this.#asking;
    this.#askedAt = Date.now();
    await this.#fetchHalf().catch((error) => console.info("no half of a key now", error.message));
  }

  async #fetchHalf() {
    if (this.id) {
      this.#half = await findHalf(this.form, this.id);
      if (this.#half) return;
      await forget(this.id); // it opens no more
    }
    const id = newId();
    this.#half = await makeHalf(this.form, id);
    this.#putId(id);
  }

  #putId(id) {
    const input = this.form.elements.namedItem("draft");
    if (input) input.value = id;
  }

  #fields() {
    const fields = [...new FormData(this.form)];
    return fields.filter(([name, value]) => typeof value === "string" && !NOT_KEPT.has(name));
  }

  /** Has all of it been looked at, so that it can be sent as it is? */
  #isReady() {
    return this.form.querySelector("[data-proves][value=send]") !== null;
  }
}
