"""An invented municipality with key groups whose private halves the test keeps."""

from dataclasses import dataclass
from typing import Any

from common.contracts.codes import KeyGroup
from common.contracts.gateway import Department, GroupKey, MunicipalityConfigured, Partner, Subscription
from common.sealing import KeyPair, encode, generate_key_pair

DEPARTMENTS = [
    "oov",
    "vth",
    "handhaving",
    "bibob",
    "burgerzaken",
    "wonen",
    "toezicht-wmo",
    "sociale-recherche",
    "zorg-veiligheid",
    "jeugd",
    "economie",
    "integriteit",
]


@dataclass(frozen=True)
class Town:
    """A municipality's state and the private keys that only its browsers would hold."""

    state: MunicipalityConfigured
    keys: dict[KeyGroup, KeyPair]


def make_town(code: str = "zandrecht", *, version: int = 1, text_in_clear: bool = True, **more: Any) -> Town:
    """A municipality with every department of the seed data and one partner that subscribes."""
    keys = {group: generate_key_pair() for group in KeyGroup}
    state = MunicipalityConfigured(
        municipality=code,
        version=version,
        display_name=code.title(),
        text_in_clear=text_in_clear,
        departments=tuple(Department(code=each, name=each.title()) for each in DEPARTMENTS),
        catch_all_department="oov",
        partners=(
            Partner(
                code="politie",
                name="Politie",
                kind="rechtshandhaving",
                subscription=Subscription(
                    signal_types=("hennepteelt", "intimidatie-bestuur"), ground="art. 16 WGS"
                ),
            ),
        ),
        keys=tuple(
            GroupKey(group=group, key_id=f"{group.value}-1", public_key=encode(pair.public))
            for group, pair in keys.items()
        ),
        **more,
    )
    return Town(state, keys)
