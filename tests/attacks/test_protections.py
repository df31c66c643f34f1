"""Who writes intake's database, or administers forms alone, takes away what protects reports.

That is: lets the anonymised text out in clear where the municipality forbids it, or lets a restricted type be
read by others than its own handlers.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from common.contracts.codes import Role
from common.contracts.gateway import MunicipalityConfigured
from common.contracts.intake import ReportReceived
from common.messaging import Unprocessable
from common.vouching import Signing, new_signing_key
from intake.main import Refresher
from prometheus_client import REGISTRY

from tests.support.attempts import Attempts
from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk
from tests.support.intake import report as told
from tests.support.municipality import make_town, protecting

TOWN, RESTRICTED = "zandrecht", "intimidatie-bestuur"
THEIRS = Signing(new_signing_key())
PLAIN = "Het ruikt naar wiet bij de loods achter de dijk."
JOOST, MIA = uuid4(), uuid4()
_STATE = (
    "UPDATE municipality_state SET version = version + 1, state = CAST($1 AS jsonb) WHERE municipality = $2"
)
_FORM = (
    "UPDATE form_version SET document = document || CAST($1 AS jsonb) WHERE code = $2 AND municipality = $3"
)
_FORMS = "UPDATE forms_state SET version = version + 1"


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    """An intake that knows Zandrecht, which lets texts out, and Polderdam."""
    async with intake_desk(backing, tmp_path) as made:
        yield made


def _saying(desk: Desk, version: int, *types: str, text_in_clear: bool) -> MunicipalityConfigured:
    """A state in which Zandrecht's own custodians say this."""
    said = protecting(TOWN, desk.town.signing, text_in_clear=text_in_clear, restricted_types=types or None)
    changes = {"version": version, "text_in_clear": text_in_clear, "protections": said}
    return desk.town.state.model_copy(update=changes)


def _loosened(desk: Desk, state: MunicipalityConfigured) -> Iterator[tuple[str, MunicipalityConfigured]]:
    """The state with less protection, in every way that needs no key of the custodians."""
    said, own = state.protections, protecting(TOWN, THEIRS, text_in_clear=True, restricted_types=())
    assert said is not None
    clear = {"text_in_clear": True}
    for what, protections in (
        ("the statement left alone", said),
        ("no statement", None),
        ("the statement changed", said.model_copy(update={**clear, "restricted_types": ()})),
        ("a statement that nobody signed", own.model_copy(update={"signature": ""})),
        ("a statement that they signed", own),
        ("a statement of elsewhere", protecting("polderdam", desk.town.signing, text_in_clear=True)),
    ):
        yield what, state.model_copy(update={**clear, "protections": protections})


async def _write(desk: Desk, *statements: tuple[str, tuple[Any, ...]]) -> None:
    connection = await asyncpg.connect(desk.owner_url)
    try:
        for statement, values in statements:
            await connection.execute(statement, *values)
    finally:
        await connection.close()
    refresher = Refresher(desk.database, desk.municipalities, desk.offers)
    await refresher.refresh()


async def _text_of_a_report(desk: Desk, town: str = TOWN) -> str | None:
    answer = await desk.send(told(description=PLAIN), **bearer("intake", anonymous(town)))
    assert answer.status_code == 201, answer.text
    text: str | None = (await desk.spoken(ReportReceived))[-1].anonymised_text
    return text


async def _is_restricted_still(desk: Desk, town: str = TOWN) -> bool:
    """Whether a report of the restricted type goes to its own handlers only."""
    answers = {"waargenomen": "zelf-waargenomen"}
    body = told(signalType=RESTRICTED, answers=answers, contact={"name": "Wilhelmina Dijkgraaf"})
    answer = await desk.send(body, **bearer("intake", staff(Role.REPORTER, municipality=town)))
    assert answer.status_code == 201, answer.text
    received = (await desk.spoken(ReportReceived))[-1]
    groups = {str(wrap.group) for wrap in received.sealed_content.wraps}
    return received.is_restricted and groups == {"restricted"}


def _refused(where: str) -> float:
    return REGISTRY.get_sample_value("vermoeden_keys_refused_total", {"where": where}) or 0.0


async def test_no_row_lets_a_text_leave_in_clear(desk: Desk, attempts: Attempts) -> None:
    assert await _text_of_a_report(desk) == PLAIN
    state = _saying(desk, 2, text_in_clear=False)
    await desk.hear(state)
    for what, loosened in _loosened(desk, state):
        before = _refused("stored")
        await _write(desk, (_STATE, (loosened.model_dump_json(by_alias=True), TOWN)))
        attempts.record(f"in clear: {what}", succeeded=await _text_of_a_report(desk) is not None)
        assert what == "the statement left alone" or _refused("stored") > before, what


async def test_no_state_that_is_heard_lets_a_text_leave_in_clear(desk: Desk, attempts: Attempts) -> None:
    state = _saying(desk, 2, text_in_clear=False)
    await desk.hear(state)
    for version, (what, loosened) in enumerate(_loosened(desk, state), 3):
        with suppress(Unprocessable):
            await desk.hear(loosened.model_copy(update={"version": version}))
        attempts.record(f"heard: {what}", succeeded=await _text_of_a_report(desk) is not None)


async def test_no_row_lifts_the_restriction_of_a_type(desk: Desk, attempts: Attempts) -> None:
    assert await _is_restricted_still(desk)
    lift = (_FORM, (json.dumps({"isRestricted": False}), RESTRICTED, TOWN))
    await _write(desk, lift, (_FORMS, ()))
    attempts.record("the form, where the software restricts", succeeded=not await _is_restricted_still(desk))
    own = _saying(desk, 2, RESTRICTED, "hennepteelt", text_in_clear=True)
    await desk.hear(own)
    for what, loosened in _loosened(desk, own):
        await _write(desk, lift, (_FORMS, ()), (_STATE, (loosened.model_dump_json(by_alias=True), TOWN)))
        attempts.record(f"the form, with {what}", succeeded=not await _is_restricted_still(desk))
        assert (await desk.send(told())).status_code == 201
        received = (await desk.spoken(ReportReceived))[-1]
        attempts.record(f"a type of their own, with {what}", succeeded=not received.is_restricted)


async def test_what_the_custodians_signed_holds(desk: Desk) -> None:
    assert await _is_restricted_still(desk)
    await _write(desk, (_FORM, (json.dumps({"isRestricted": False}), RESTRICTED, TOWN)), (_FORMS, ()))
    await desk.hear(_saying(desk, 2, "hennepteelt", text_in_clear=True))
    assert not await _is_restricted_still(desk)
    assert await _text_of_a_report(desk) == PLAIN
    before = _refused("stored"), _refused("heard")
    await desk.hear(_saying(desk, 3, text_in_clear=False))
    assert await _text_of_a_report(desk) is None
    assert await _is_restricted_still(desk)  # none named: those of the software again
    assert (_refused("stored"), _refused("heard")) == before


async def test_texts_stay_sealed_where_custodians_signed_nothing_yet(desk: Desk) -> None:
    """So it is after an upgrade; no alarm, since nothing was taken away."""
    before = _refused("stored"), _refused("heard")
    town = make_town("duinrade")
    await desk.hear(town.state.model_copy(update={"protections": None}))
    assert await _text_of_a_report(desk, "duinrade") is None
    assert await _is_restricted_still(desk, "duinrade")
    await desk.hear(town.state.model_copy(update={"version": 2}))
    assert await _text_of_a_report(desk, "duinrade") == PLAIN
    assert (_refused("stored"), _refused("heard")) == before


async def _administer(
    desk: Desk, method: str, path: str, body: object = None, *, who: UUID = JOOST, seen: str | None = None
) -> httpx.Response:
    headers = bearer("intake", staff(Role.ADMINISTRATOR, person=who)) | ({"If-Match": seen} if seen else {})
    return await desk.client.request(method, f"/api/v1{path}", json=body, headers=headers)


async def _drafted(desk: Desk, **changes: object) -> str:
    """The revision of a draft of the restricted type, saved by Joost."""
    part = (await _administer(desk, "GET", f"/form-parts/{RESTRICTED}")).json()
    body = {"basedOn": part["version"], "document": {**part["document"], **changes}}
    draft = await _administer(desk, "PUT", f"/form-parts/{RESTRICTED}/draft", body)
    assert draft.json()["faults"] == []
    return str(draft.headers["etag"])


@pytest.mark.parametrize(
    ("changes", "faults", "lifted"),
    [
        ({"isRestricted": False}, {"/isRestricted": "lifts-restriction"}, ["restriction"]),
        (
            {"partners": ["politie", "riec", "rvo"]},
            {"/partners": "widens-partners"},
            ["partner:riec", "partner:rvo"],
        ),
        (
            {"isRestricted": False, "partners": ["riec"]},
            {"/isRestricted": "lifts-restriction", "/partners": "widens-partners"},
            ["restriction", "partner:riec"],
        ),
    ],
)
async def test_no_administrator_alone_lifts_what_protects(
    desk: Desk, attempts: Attempts, changes: dict[str, object], faults: dict[str, str], lifted: list[str]
) -> None:
    publish = f"/form-parts/{RESTRICTED}/draft/_publish"
    revision = await _drafted(desk, **changes)
    alone = await _administer(desk, "POST", publish, seen=revision)
    attempts.record(f"alone: {', '.join(lifted)}", succeeded=alone.status_code == 201)
    problem = alone.json()
    assert (alone.status_code, problem["code"]) == (403, "four-eyes")
    assert {each["pointer"]: each["code"] for each in problem["errors"]} == faults
    assert all(each["message"] and each["messageEn"] for each in problem["errors"])
    assert (await _administer(desk, "POST", publish, who=MIA, seen=revision)).status_code == 201
    rows = (await _administer(desk, "GET", "/form-audit")).json()["rows"]
    assert (rows[0]["what"], rows[0]["person"], rows[0]["lifted"]) == ("published", str(MIA), lifted)
    assert {tuple(each["lifted"]) for each in rows[1:]} == {()}
    assert await _is_restricted_still(desk)  # until custodians sign otherwise


async def test_what_protects_no_less_is_published_by_one(desk: Desk) -> None:
    for changes in ({"name": "Druk"}, {"isRestricted": True, "partners": []}, {"department": "oov"}):
        revision = await _drafted(desk, **changes)
        answer = await _administer(desk, "POST", f"/form-parts/{RESTRICTED}/draft/_publish", seen=revision)
        assert answer.status_code == 201, answer.text
