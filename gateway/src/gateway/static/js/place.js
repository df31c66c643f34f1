// Fills in where the reporter is, when asked to. Without this module, or a permission, it is typed.

const place = document.querySelector("[data-locate]");
const DECIMALS = 5; // about a metre

if (place && "geolocation" in navigator) {
  place.hidden = false;
  const said = place.querySelector("[role=status]");
  place.querySelector("button").addEventListener("click", () => {
    said.textContent = said.dataset.busy;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const input = document.getElementById("field-pin");
        input.value = `${coords.latitude.toFixed(DECIMALS)}, ${coords.longitude.toFixed(DECIMALS)}`;
        said.textContent = said.dataset.done;
      },
      () => (said.textContent = said.dataset.failed),
      { enableHighAccuracy: true, timeout: 20_000, maximumAge: 60_000 },
    );
  });
}
