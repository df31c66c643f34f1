// Fills in where the reporter is, when asked to. Without this module, or a permission, it is typed.

import { eachPage } from "./in-place.js";

const DECIMALS = 5; // about a metre

function offer(place) {
  place.hidden = false;
  const said = place.querySelector("[role=status]");
  place.querySelector("button").addEventListener("click", () => {
    said.textContent = said.dataset.busy;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const input = place.closest("form").elements.namedItem("pin");
        input.value = `${coords.latitude.toFixed(DECIMALS)}, ${coords.longitude.toFixed(DECIMALS)}`;
        said.textContent = said.dataset.done;
      },
      () => (said.textContent = said.dataset.failed),
      { enableHighAccuracy: true, timeout: 20_000, maximumAge: 60_000 },
    );
  });
}

eachPage(() => {
  const place = document.querySelector("[data-locate]");
  if (place && "geolocation" in navigator) offer(place);
});
