"""An invented municipality with key groups whose private halves the test keeps."""

from dataclasses import dataclass
from typing import Any

from common.contracts.codes import KeyGroup
from common.contracts.gateway import (
    Department,
    GroupKey,
    MunicipalityConfigured,
    Partner,
    Protections,
    Signer,
    Subscription,
)
from common.sealing import KeyPair, encode, generate_key_pair
from common.vouching import Signing, group_key_statement, new_signing_key, protections_statement

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
    signing: Signing  # of its custodians


def make_town(code: str = "zandrecht", *, version: int = 1, text_in_clear: bool = True, **more: Any) -> Town:
    """A municipality with every department of the seed data and one partner that subscribes."""
    keys = {group: generate_key_pair() for group in KeyGroup}
    signing = Signing(new_signing_key())
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
            vouched_key(code, signing, group, f"{group.value}-1", encode(pair.public))
            for group, pair in keys.items()
        ),
        signers=(Signer(public_key=signing.public_key),),
        protections=protecting(code, signing, text_in_clear=text_in_clear),
        **more,
    )
    return Town(state, keys, signing)


def vouched_key(code: str, signing: Signing, group: KeyGroup, key_id: str, public_key: str) -> GroupKey:
    """A group's key as its custodians sign it."""
    signature = signing.sign(group_key_statement(code, group.value, key_id, public_key))
    return GroupKey(group=group, key_id=key_id, public_key=public_key, signature=signature)


def protecting(
    code: str, signing: Signing, *, text_in_clear: bool, restricted_types: tuple[str, ...] | None = None
) -> Protections:
    """What protects the reports of a municipality, as its custodians sign it."""
    said = Protections(text_in_clear=text_in_clear, restricted_types=restricted_types)
    return said.model_copy(update={"signature": signing.sign(protections_statement(code, said))})
