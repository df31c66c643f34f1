"""Who speaks for a municipality, or writes intake's database, puts a key of their own in its state.

Then no report may be sealed to it.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from common.contracts.codes import KeyGroup
from common.contracts.gateway import MunicipalityConfigured, Signer
from common.contracts.intake import ReportReceived
from common.messaging import Unprocessable
from common.sealing import (
    CannotOpen,
    encode,
    generate_key_pair,
    open_content,
)
from common.vouching import (
    Signing,
    new_signing_key,
    pin_statement,
    succession_statement,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.attempts import Attempts
from tests.support.backing import Backing
from tests.support.intake import Desk, intake_desk
from tests.support.intake import report as told
from tests.support.municipality import vouched_key

TOWN = "zandrecht"
THEIRS = Signing(new_signing_key())
THEIR_KEY = encode(generate_key_pair().public)


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    """An intake that knows Zandrecht and its signer."""
    async with intake_desk(backing, tmp_path) as made:
        yield made


def _swaps(state: MunicipalityConfigured) -> Iterator[tuple[str, MunicipalityConfigured]]:
    """A state whose general key is the attacker's, vouched for in every way that they have."""
    own = Signer(public_key=THEIRS.public_key)
    ours = state.signers[0]
    by_itself = THEIRS.sign(succession_statement(TOWN, THEIRS.public_key))
    general = vouched_key(TOWN, THEIRS, KeyGroup.GENERAL, "general-1", THEIR_KEY)
    rest = [key for key in state.keys if key.group is not KeyGroup.GENERAL]
    identity = next(key for key in state.keys if key.group is KeyGroup.IDENTITY)
    moved = identity.model_copy(update={"group": KeyGroup.GENERAL, "key_id": "general-1"})
    kept = next(key for key in state.keys if key.group is KeyGroup.GENERAL)
    swapped = kept.model_copy(update={"public_key": THEIR_KEY})
    for what, key, signers in (
        ("a key that nobody signed", general.model_copy(update={"signature": ""}), state.signers),
        ("a key under the old signature", swapped, state.signers),
        ("a key signed by a signer of their own", general, (own,)),
        ("no signer at all", general, ()),
        ("their signer after ours, not signed", general, (ours, own)),
        (
            "their signer after ours, signed by itself",
            general,
            (ours, own.model_copy(update={"signature": by_itself})),
        ),
        ("their signer before ours", swapped, (own, ours)),
        ("another group's key", moved, state.signers),
    ):
        changed = {"keys": (key, *rest), "signers": signers, "version": state.version + 1}
        yield what, state.model_copy(update=changed)


async def _is_sealed_to_them(desk: Desk) -> bool:
    """Whether a report that is sent now is sealed to another key than the municipality's."""
    answer = await desk.send(told())
    if answer.status_code != 201:
        assert answer.status_code == 503, answer.text
        return False
    received = (await desk.spoken(ReportReceived))[-1]
    place = {"municipality": TOWN, "compartment": "content", "subject": str(received.report_id)}
    try:
        open_content(received.sealed_content, "general-1", desk.town.keys[KeyGroup.GENERAL].private, **place)
    except CannotOpen:
        return True
    return False


async def test_a_swapped_key_that_is_heard_is_parked_and_the_one_before_counts(
    desk: Desk, attempts: Attempts
) -> None:
    for what, state in _swaps(desk.town.state):
        with pytest.raises(Unprocessable):
            await desk.hear(state)
        attempts.record(f"heard: {what}", succeeded=await _is_sealed_to_them(desk))


async def test_a_signer_that_ours_signed_takes_over_and_the_old_one_counts_no_longer(desk: Desk) -> None:
    ours, following = desk.town.signing, Signing(new_signing_key())
    passed_on = Signer(
        public_key=following.public_key,
        signature=ours.sign(succession_statement(TOWN, following.public_key)),
    )
    keys = tuple(
        vouched_key(TOWN, following, key.group, key.key_id, key.public_key) for key in desk.town.state.keys
    )
    state = desk.town.state.model_copy(
        update={"version": 2, "keys": keys, "signers": (*desk.town.state.signers, passed_on)}
    )
    await desk.hear(state)
    assert (await desk.send(told())).status_code == 201
    with pytest.raises(Unprocessable):
        await desk.hear(desk.town.state.model_copy(update={"version": 3}))
    await desk.hear(desk.town.state)  # an old version that comes late changes nothing, and is no alarm
    assert not await _is_sealed_to_them(desk)


async def test_who_writes_intakes_database_gets_no_report(desk: Desk, attempts: Attempts) -> None:
    own, seal = THEIRS.public_key, THEIRS.sign(pin_statement(TOWN, THEIRS.public_key))
    pins: dict[str, tuple[str, tuple[str, ...]]] = {
        "the pin left alone": ("SELECT 1", ()),
        "a pin of their own": ("INSERT INTO signer_pin VALUES ($1, 7, $2, '')", (TOWN, own)),
        "a pin that they signed": ("INSERT INTO signer_pin VALUES ($1, 8, $2, $3)", (TOWN, own, seal)),
        "the pin with their signer": ("UPDATE signer_pin SET signer = $1", (own,)),
        "no pin": ("DELETE FROM signer_pin", ()),
    }
    change = "UPDATE municipality_state SET state = CAST(CAST($1 AS text) AS jsonb) WHERE municipality = $2"
    connection = await asyncpg.connect(desk.owner_url)
    try:
        for pin, (statement, values) in pins.items():
            await connection.execute(statement, *values)
            for what, state in _swaps(desk.town.state):
                await connection.execute(change, state.model_dump_json(by_alias=True), TOWN)
                await desk.hear()
                is_theirs = await _is_sealed_to_them(desk)
                attempts.record(f"intake's database: {what}, {pin}", succeeded=is_theirs)
    finally:
        await connection.close()


async def test_no_role_of_the_service_changes_a_pin(desk: Desk) -> None:
    for change in ("UPDATE signer_pin SET signer = 'x'", "DELETE FROM signer_pin"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with desk.database.flowing() as connection:
                await connection.execute(text(change))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with desk.database.tenant(TOWN) as connection:
            await connection.execute(text("SELECT 1 FROM signer_pin"))
