"""Where something was noticed: a neighbourhood of the municipality's list, a kind of place, a pin."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from intake.domain.faults import Fault

#: The European Netherlands with its coastal waters, in degrees of WGS 84.
LATITUDES, LONGITUDES = (50.5, 54.0), (3.0, 7.5)
_LISTED = 40  # so many choices are named in an error


@dataclass(frozen=True)
class Pin:
    """A point on the map, in degrees of WGS 84."""

    latitude: float
    longitude: float

    @property
    def is_dutch(self) -> bool:
        """Does it lie in or near the European Netherlands?"""
        south, north = LATITUDES
        west, east = LONGITUDES
        return south <= self.latitude <= north and west <= self.longitude <= east


def check_place(
    neighbourhood: str | None,
    location_type: str | None,
    pin: Pin | None,
    *,
    neighbourhoods: Mapping[str, str],
    location_types: Collection[str],
) -> list[Fault]:
    """What is wrong with the place of a report.

    `neighbourhoods` has the municipality's names by code; without any, every neighbourhood will do.
    """
    faults = []
    if neighbourhood is not None and neighbourhoods and neighbourhood not in neighbourhoods:
        listed = _some([f"{code} ({name})" for code, name in neighbourhoods.items()])
        faults.append(
            Fault(
                "/neighbourhood",
                "unknown-neighbourhood",
                f"Kies de code van een buurt van deze gemeente: {listed}. Of laat dit leeg.",
                f"Choose the code of one of its neighbourhoods: {listed}. Or leave it out.",
            )
        )
    if location_type is not None and location_type not in location_types:
        faults.append(
            Fault(
                "/locationType",
                "unknown-location-type",
                f"Kies een van: {_some(location_types)}.",
                f"Choose one of: {_some(location_types)}.",
            )
        )
    if pin is not None and not pin.is_dutch:
        faults.append(
            Fault(
                "/location",
                "outside-the-netherlands",
                "Deze plek ligt niet in Nederland. Zet de speld opnieuw, of laat de plek weg.",
                "This place is not in the Netherlands. Set the pin again, or leave the place out.",
            )
        )
    return faults


def _some(codes: Collection[str]) -> str:
    shown = list(codes)[:_LISTED]
    return ", ".join(shown) + (", …" if len(codes) > len(shown) else "")
