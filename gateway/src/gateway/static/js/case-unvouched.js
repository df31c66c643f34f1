// The warning at a content for which nobody vouches; below it the reader may ask to see the content all the same.

const warning = document.getElementById("unvouched"); // there where nobody vouches for the report at all
const button = warning?.querySelector("button");
let isAsked = false;

/** Whether the reader asked for a content without a voucher since the vault was opened. */
export const isAskedFor = () => isAsked;

/** Show the warning where the report has no voucher; whether it has none. A wrong one is never shown. */
export function warn() {
  if (warning) warning.hidden = button.hidden = false;
  return warning !== null;
}

/** The vault is locked: it has to be asked anew. */
export function forgetAsked() {
  isAsked = false;
  if (warning) warning.hidden = true;
}

/** Do this when the reader asks. */
export function whenAsked(act) {
  button?.addEventListener("click", () => {
    isAsked = button.hidden = true;
    act();
  });
}
