// <sealed-text>: a place where something sealed is shown once it was opened; text only, never markup.

class SealedText extends HTMLElement {
  #sealedAs = "";

  connectedCallback() {
    this.#sealedAs = this.textContent;
  }

  /** Show what was opened: a text, or texts and elements in their order. */
  reveal(...content) {
    this.replaceChildren(...content);
    this.dataset.open = "";
  }

  /** Forget what was shown. */
  hide() {
    this.textContent = this.#sealedAs;
    delete this.dataset.open;
  }
}

customElements.define("sealed-text", SealedText);
