"""``python -m gateway sign-keys``: custodians vouch for keys and protections, on a machine of their own."""

from pathlib import Path

from common import secret_files
from common.vouching import (
    Signing,
    group_key_statement,
    new_signing_key,
    protections_statement,
    succession_statement,
)

from gateway.configuration import GroupKeyState, MunicipalityState, ProtectionsState, SignerState


def signed(state: MunicipalityState, signing: Signing, previous: Signing | None = None) -> MunicipalityState:
    """The state with every key, and what protects reports, signed by this signer, the last among the signers.

    `previous` passes on to one that is new: without it a new signer begins a chain, which holds for a
    municipality that has none. Idempotent.
    """
    signers = state.signers
    if signing.public_key not in {each.public_key for each in signers}:
        if signers and (previous is None or previous.public_key != signers[-1].public_key):
            raise ValueError("The file has another signer last: name its key as the previous one.")
        passed_on = succession_statement(state.code, signing.public_key)
        signature = previous.sign(passed_on) if previous and signers else ""
        signers = (*signers, SignerState(public_key=signing.public_key, signature=signature))
    elif signers[-1].public_key != signing.public_key:
        raise ValueError("This signer was followed by another, whose word counts now.")
    keys = tuple(_signed(state.code, key, signing) for key in state.keys)
    protections = _protections(state, signing)
    return state.model_copy(update={"keys": keys, "signers": signers, "protections": protections})


def signing_in(file: Path) -> Signing:
    """The private half in a file that only its owner may read; a fresh one where there is no file yet."""
    secret_files.write(file, new_signing_key())
    return Signing(secret_files.read(file))


def previous_in(file: Path) -> Signing:
    """The private half of a signer that has signed before; `SystemExit` where there is no such file."""
    if not file.exists():
        raise SystemExit(f"{file} is missing: --previous takes the private half of the signer before.")
    return Signing(secret_files.read(file))


def _signed(municipality: str, key: GroupKeyState, signing: Signing) -> GroupKeyState:
    statement = group_key_statement(municipality, key.group.value, key.key_id, key.public_key)
    return key.model_copy(update={"signature": signing.sign(statement)})


def _protections(state: MunicipalityState, signing: Signing) -> ProtectionsState:
    """Whether text may leave intake in clear, as the file says, and the restricted types that it names."""
    named = state.protections.restricted_types if state.protections else None
    protections = ProtectionsState(text_in_clear=state.text_in_clear, restricted_types=named)
    signature = signing.sign(protections_statement(state.code, protections))
    return protections.model_copy(update={"signature": signature})
