// <sealed-text>: a place where something sealed is shown once it was opened; text only, never markup.

class SealedText extends HTMLElement {
  #sealedAs = "";

  connectedCallback() {
    this.#sealedAs = this.textContent;
  }

  /** Show what was opened. */
  reveal(text) {
    this.textContent = text;
    this.dataset.open = "";
  }

  /** Forget what was shown. */
  hide() {
    this.textContent = this.#sealedAs;
    delete this.dataset.open;
  }
}

customElements.define("sealed-text", SealedText);
