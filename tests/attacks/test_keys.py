"""Who speaks for a municipality, or writes intake's database, puts a key of their own in its state.

Then no report may be sealed to it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from common.contracts.codes import KeyGroup
from common.contracts.gateway import MunicipalityConfigured, Signer
from common.contracts.intake import ReportReceived
from common.messaging import Unprocessable
from common.messaging.envelope import encode as encode_event
from common.messaging.waiting import WaitingRoom
from common.sealing import (
    CannotOpen,
    encode,
    generate_key_pair,
    open_content,
)
from common.vouching import (
    NotVouched,
    Signing,
    new_signing_key,
    pin_statement,
    succession_statement,
)
from intake.main import Refresher
from intake.signers import Signers
from intake.store.signers import pins
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.attempts import Attempts
from tests.support.backing import Backing
from tests.support.intake import Desk, intake_desk
from tests.support.intake import report as told
from tests.support.municipality import Town, protecting, vouched_key

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
    all_theirs = [vouched_key(TOWN, THEIRS, each.group, each.key_id, THEIR_KEY) for each in state.keys]
    taken_over = {"keys": tuple(all_theirs), "signers": (own,), "version": state.version + 1}
    yield "all keys signed by a signer of their own", state.model_copy(update=taken_over)
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
    await desk.hear(passed_on(desk.town, Signing(new_signing_key())))
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


async def test_a_message_put_among_those_that_wait_pins_no_other_signer(
    desk: Desk, attempts: Attempts
) -> None:
    """What waits is handled as what was heard; they take the pin away and put a state of theirs there."""
    room = WaitingRoom(desk.database, desk.dispatcher, retry_seconds=(60,))
    connection = await asyncpg.connect(desk.owner_url)
    try:
        for what, state in _swaps(desk.town.state):
            sent = encode_event(state)
            async with connection.transaction():
                await connection.execute("DELETE FROM signer_pin WHERE municipality = $1", TOWN)
                await connection.execute(
                    """INSERT INTO waiting (event_id, spoken_by, type, municipality, subject, body, due_at)
                       VALUES ($1, 'gateway', $2, $3, $4, $5, coarse_now())""",
                    *(sent.event_id, sent.type, TOWN, sent.subject, sent.body),
                )
            before = _refused("heard")
            assert await room.try_one()
            assert _refused("heard") > before
            await desk.hear()
            attempts.record(f"a message that waits: {what}, no pin", succeeded=await _is_sealed_to_them(desk))
    finally:
        await connection.close()


async def test_a_pin_that_is_gone_is_seen_at_the_next_look(desk: Desk) -> None:
    refresher = Refresher(desk.database, desk.municipalities, desk.offers)
    await refresher.refresh()
    before = _refused("stored")
    connection = await asyncpg.connect(desk.owner_url)
    try:
        await connection.execute("DELETE FROM signer_pin")
    finally:
        await connection.close()
    await refresher.refresh()
    assert _refused("stored") > before
    assert (await desk.send(told())).status_code == 503


async def test_an_older_signer_comes_back_by_no_change_of_the_pins(desk: Desk, attempts: Attempts) -> None:
    older, newer = desk.town.state, passed_on(desk.town, Signing(new_signing_key()))
    await desk.hear(newer)
    anchored = Signers(desk.settings.own_key, {TOWN: newer.signers[-1].public_key})
    fresh = Signers(desk.settings.own_key)  # after a restart, with nothing to hold on to
    again = "INSERT INTO signer_pin SELECT municipality, 2, signer, seal FROM signer_pin WHERE position = 0"
    changes = {
        "the older pin put after the newer": (again, (desk.signers, anchored, fresh)),
        "the newer pin taken away": ("DELETE FROM signer_pin WHERE position > 0", (desk.signers, anchored)),
        "no pin": ("DELETE FROM signer_pin", (desk.signers, anchored)),
    }
    connection = await asyncpg.connect(desk.owner_url)
    try:
        for what, (change, readers) in changes.items():
            await connection.execute(change)
            for signers in readers:
                attempts.record(what, succeeded=await _is_trusted(desk, signers, older))
    finally:
        await connection.close()


async def test_with_anchors_no_signer_is_believed_because_it_came_first(
    desk: Desk, attempts: Attempts
) -> None:
    connection = await asyncpg.connect(desk.owner_url)
    try:
        await connection.execute("DELETE FROM signer_pin")
    finally:
        await connection.close()
    ours = {TOWN: desk.town.signing.public_key}
    assert await _is_followed(desk, Signers(desk.settings.own_key, ours), desk.town.state)
    for what, state in _swaps(desk.town.state):
        signers = Signers(desk.settings.own_key, ours)
        attempts.record(f"the first heard: {what}", succeeded=await _is_followed(desk, signers, state))
    elsewhere = Signers(desk.settings.own_key, {"duinrade": THEIRS.public_key})
    attempts.record(
        "a municipality that has no anchor", succeeded=await _is_followed(desk, elsewhere, desk.town.state)
    )


async def test_the_same_version_with_other_keys_is_an_alarm(desk: Desk) -> None:
    before = _refused("heard")
    await desk.hear(desk.town.state)
    assert _refused("heard") == before
    swapped = desk.town.state.keys[:1]
    await desk.hear(desk.town.state.model_copy(update={"keys": swapped}))
    assert _refused("heard") == before + 1


def passed_on(town: Town, following: Signing) -> MunicipalityConfigured:
    """The next state, in which another signer took over."""
    signature = town.signing.sign(succession_statement(TOWN, following.public_key))
    signer = Signer(public_key=following.public_key, signature=signature)
    keys = tuple(
        vouched_key(TOWN, following, key.group, key.key_id, key.public_key) for key in town.state.keys
    )
    changed = {
        "version": 2,
        "keys": keys,
        "signers": (*town.state.signers, signer),
        "protections": protecting(TOWN, following, text_in_clear=True),
    }
    return town.state.model_copy(update=changed)


async def _is_trusted(desk: Desk, signers: Signers, state: MunicipalityConfigured) -> bool:
    """Whether a state that stands in the database would be used, and whether it would be followed."""
    async with desk.database.flowing() as connection:
        found = signers.trusted({TOWN: state}, await pins(connection))
    return bool(found[TOWN].keys) or await _is_followed(desk, signers, state)


async def _is_followed(desk: Desk, signers: Signers, state: MunicipalityConfigured) -> bool:
    with suppress(NotVouched):
        async with desk.database.flowing() as connection:
            tried = await connection.begin_nested()
            await signers.follow(connection, state)
            await tried.rollback()  # nothing stays of it
            return True
    return False


def _refused(where: str) -> float:
    return REGISTRY.get_sample_value("vermoeden_keys_refused_total", {"where": where}) or 0.0


async def test_no_role_of_the_service_changes_a_pin(desk: Desk) -> None:
    for change in ("UPDATE signer_pin SET signer = 'x'", "DELETE FROM signer_pin"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with desk.database.flowing() as connection:
                await connection.execute(text(change))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with desk.database.tenant(TOWN) as connection:
            await connection.execute(text("SELECT 1 FROM signer_pin"))
