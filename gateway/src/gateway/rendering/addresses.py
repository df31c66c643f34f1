"""The addresses of the pages, in Dutch because people read them; routes and templates share this table."""

from collections.abc import Mapping
from types import MappingProxyType

#: Nothing that tells what someone reports stands in an address: the form travels in the body.
PATHS: Mapping[str, str] = MappingProxyType(
    {
        "home": "/{municipality}",
        "report": "/{municipality}/melden",
        "mailbox": "/{municipality}/postvak",
        "sign_in": "/{municipality}/aanmelden",
        "sign_out": "/{municipality}/afmelden",
        "entry": "/{municipality}/invoeren",
        "work": "/{municipality}/werklijst",
        "case": "/{municipality}/werklijst/{report_id}",
        "statistics": "/{municipality}/cijfers",
        "privacy": "/{municipality}/privacy",
        "accessibility": "/{municipality}/toegankelijkheid",
    }
)


def paths_in(municipality: str) -> dict[str, str]:
    """Every address with this municipality's code filled in; `{report_id}` stays to be filled in."""
    return {name: path.replace("{municipality}", municipality) for name, path in PATHS.items()}


def address(name: str, municipality: str, /, **parts: object) -> str:
    """One address with everything filled in; raises `KeyError` for an unknown name or a missing part."""
    return PATHS[name].format(municipality=municipality, **parts)
