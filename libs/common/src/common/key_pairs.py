"""The key pairs of an installation, of which one service holds the private half: made, and replaced."""

import json
from dataclasses import dataclass
from pathlib import Path

from common.auth import generate_identity_key
from common.flow import SERVICES
from common.sealing import encode, generate_key_pair
from common.secret_files import read as _read
from common.secret_files import replace as _replace
from common.secret_files import write as _write
from common.vouching import Signing, new_signing_key


@dataclass(frozen=True)
class _Pair:
    """A signing key of a service, of which others know the public half by its id."""

    name: str
    signer: str
    readers: tuple[str, ...]
    letter: str  # before the number in an id
    is_forgotten: bool  # once nothing is left that the old one signed

    @property
    def kid(self) -> str:
        return f"vermoeden_{self.name}_kid"

    @property
    def private(self) -> str:
        return f"vermoeden_{self.name}_private_key"

    @property
    def public(self) -> str:
        return f"vermoeden_{self.name}_keys"


_IDENTITY = _Pair("identity", "gateway", SERVICES, "k", is_forgotten=True)
_VOUCHER = _Pair("voucher", "intake", ("gateway",), "v", is_forgotten=False)


def key_material(folder: Path) -> dict[str, str]:
    """The key pairs that are there, fresh ones for those that are not; both halves of each or neither."""
    private, public = generate_identity_key()
    notifier = generate_key_pair()
    voucher = Signing(new_signing_key())
    pairs = (
        {
            "vermoeden_identity_kid": "k1",
            "vermoeden_identity_keys": json.dumps({"k1": public}),
            "vermoeden_identity_private_key": encode(private),
        },
        {
            "vermoeden_notifier_private_key": encode(notifier.private),
            "vermoeden_notifier_public_key": encode(notifier.public),
        },
        {
            "vermoeden_voucher_kid": "v1",
            "vermoeden_voucher_keys": json.dumps({"v1": voucher.public_key}),
            "vermoeden_voucher_private_key": voucher.private_key,
        },
    )
    found: dict[str, str] = {}
    for pair in pairs:
        is_there = any((folder / name).exists() for name in pair)
        found |= {name: _read(folder / name) for name in pair} if is_there else pair
    return found


def rotate_identity(folder: Path, step: str) -> str:
    """One step in replacing the key that the gateway signs with; returns what to do next.

    announce: services learn to trust a new key beside the old one. switch: the gateway signs with the new
    one. finish: the old one is trusted no longer. A step out of turn changes nothing (`SystemExit`).
    """
    return _rotate(folder, _IDENTITY, step)


def rotate_voucher(folder: Path, step: str) -> str:
    """The same of the key with which intake vouches, but that the old one goes on to count.

    What it signed is never signed anew: to let nobody be asked any more whose report came while it was
    stolen, take its id out of the gateway's `vermoeden_voucher_keys`.
    """
    return _rotate(folder, _VOUCHER, step)


def _rotate(folder: Path, pair: _Pair, step: str) -> str:
    keys = folder / "setup/keys"
    known: dict[str, str] = json.loads(_read(keys / pair.public))
    current = _read(keys / pair.kid)
    waiting = keys / f"next_{pair.name}_private_key"
    is_over = not pair.is_forgotten or len(known) == 1
    due = "switch" if waiting.exists() else "announce" if is_over else "finish"
    if step != due:
        raise SystemExit(f"The next step is `{due}`, not `{step}`.")
    if step == "announce":
        signing = Signing(new_signing_key())
        _write(waiting, signing.private_key)
        known[f"{pair.letter}{int(current.removeprefix(pair.letter)) + 1}"] = signing.public_key
    elif step == "switch":
        kid = f"{pair.letter}{int(current.removeprefix(pair.letter)) + 1}"
        for place in (keys, folder / "setup" / pair.signer, folder / pair.signer):
            _replace(place / pair.private, _read(waiting))
            _replace(place / pair.kid, kid)
        waiting.unlink()
        last = "; when every replica runs with the new key: `finish`" if pair.is_forgotten else ""
        return f"Start {pair.signer} anew{last}."
    else:
        known = {current: known[current]}
    for place in (keys, *(folder / kind / service for kind in ("setup", "") for service in pair.readers)):
        _replace(place / pair.public, json.dumps(known))
    readers = "every service" if pair.readers == SERVICES else " and ".join(pair.readers)
    after = "when each runs anew: `switch`" if step == "announce" else "the old key is then worthless"
    return f"Start {readers} anew; {after}."
