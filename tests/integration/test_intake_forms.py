"""Forms of a municipality: edited, looked at, tried, published and kept, by administrators only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from common.auth import Identity
from common.contracts.codes import Role
from common.contracts.intake import FormsConfigured, ReportReceived
from intake.editing import MOST_DRAFTS
from intake.offered import Offers, adopt_seed
from intake.seed import load_seed
from jsonschema import Draft202012Validator
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report

PARTS = "/api/v1/form-parts"
JOOST, MIA = uuid4(), uuid4()


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path) as made:
        yield made


async def call(
    desk: Desk, method: str, path: str, body: Any = None, *, who: UUID = JOOST, seen: int | None = None
) -> httpx.Response:
    """Ask as an administrator."""
    headers = bearer("intake", staff(Role.ADMINISTRATOR, person=who))
    if seen is not None:
        headers["If-Match"] = f'"{seen}"'
    return await desk.client.request(method, path, json=body, headers=headers)


async def published(desk: Desk, code: str) -> Any:
    """The part as it holds now."""
    answer = await call(desk, "GET", f"{PARTS}/{code}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def drafted(desk: Desk, code: str = "hennepteelt", /, **changes: Any) -> Any:
    """A draft of a published part with these changes, saved by Joost."""
    part = await published(desk, code)
    body = {"basedOn": part["version"], "document": {**part["document"], **changes}}
    answer = await call(desk, "PUT", f"{PARTS}/{code}/draft", body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["revision"]}"'
    return answer.json()


async def publish(desk: Desk, code: str, seen: int, who: UUID = JOOST) -> httpx.Response:
    return await call(desk, "POST", f"{PARTS}/{code}/draft/_publish", who=who, seen=seen)


NEW_TYPE = {
    "code": "waterschade",
    "name": "Geknoei met water",
    "description": "Iemand loost iets in de sloot.",
    "department": "oov",
    "questions": [
        {"code": "kleur", "label": "Welke kleur?", "kind": "keuze", "options": ["rood", "groen"]},
        {"code": "geur", "label": "Welke geur?", "kind": "tekst", "isRequired": True,
         "showWhen": {"kleur": "rood"}},
    ],
    "urgencyRules": [{"when": {"kleur": "rood"}, "urgency": "hoog"}],
}  # fmt: skip


async def test_a_published_change_is_what_reporters_are_asked_from_then_on(desk: Desk) -> None:
    first = await desk.send(report())
    part = await published(desk, "hennepteelt")
    questions = [
        {**each, "label": "Welke wietlucht ruikt u?", "optionLabels": {"vaak": "Heel vaak"}}
        if each["code"] == "geur"
        else each
        for each in part["document"]["questions"]
    ]
    draft = await drafted(desk, questions=questions, safetyTip="Loop door.")
    assert draft["faults"] == []
    shown = (await desk.client.get("/api/v1/signal-types", headers=bearer("intake", anonymous()))).json()
    assert "wietlucht" not in str(shown)
    answer = await publish(desk, "hennepteelt", draft["revision"])
    assert answer.status_code == 201, answer.text
    assert (answer.json()["version"], answer.json()["origin"]) == (2, "own")
    shown = (await desk.client.get("/api/v1/signal-types", headers=bearer("intake", anonymous()))).json()
    kind = next(each for each in shown["signalTypes"] if each["code"] == "hennepteelt")
    assert kind["questions"][0]["label"] == "Welke wietlucht ruikt u?"
    assert kind["questions"][0]["optionLabels"] == {"vaak": "Heel vaak"}
    second = await desk.send(report())
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["safetyTip"] == "Loop door."
    before, after = await desk.spoken(ReportReceived)
    assert (before.forms_version, after.forms_version) == (1, 2)
    for received, label in ((before, "Ruikt u wiet?"), (after, "Welke wietlucht ruikt u?")):
        path = f"/api/v1/signal-types/hennepteelt/versions/{received.forms_version}"
        then = (await desk.client.get(path, headers=bearer("intake", anonymous()))).json()
        assert then["signalType"]["questions"][0]["label"] == label
        assert then["generalQuestions"]


async def test_every_hearer_learns_the_whole_state_again(desk: Desk) -> None:
    draft = await drafted(desk, "omg", isActive=True, name="Motorclub")
    await publish(desk, "omg", draft["revision"])
    spoken = [each for each in await desk.spoken(FormsConfigured) if each.municipality == "zandrecht"]
    assert [each.version for each in spoken] == [1, 2]
    state = next(each for each in spoken[-1].signal_types if each.code == "omg")
    assert (state.name, state.is_active) == ("Motorclub", True)
    assert len(spoken[-1].signal_types) == len(spoken[0].signal_types)


async def test_a_new_type_can_be_made_previewed_tried_and_published(desk: Desk) -> None:
    path = f"{PARTS}/waterschade/draft"
    saved = await call(desk, "PUT", path, {"basedOn": 0, "document": NEW_TYPE})
    assert (saved.status_code, saved.json()["faults"]) == (200, [])
    preview = (await call(desk, "GET", f"{path}/preview")).json()
    assert "waterschade" in {each["code"] for each in preview["forms"]["signalTypes"]}
    schema = Draft202012Validator(preview["form"]["schema"])
    body = report(signalType="waterschade", neighbourhood=None)
    answers = {"waargenomen": "vermoeden", "kleur": "rood"}
    for given, pointers in (
        ({**answers, "geur": "zuur"}, []),
        (answers, ["/answers/geur"]),
        ({**answers, "kleur": "blauw"}, ["/answers/kleur"]),
    ):
        tried = await call(desk, "POST", f"{path}/_check", {**body, "answers": given})
        assert [each["pointer"] for each in tried.json().get("errors", [])] == pointers
        assert schema.is_valid({**body, "answers": given}) == (not pointers)
        if not pointers:
            assert tried.json()["urgency"] == "hoog"
    assert await desk.spoken(ReportReceived) == []
    assert (await desk.send({**body, "answers": {**answers, "geur": "zuur"}})).status_code == 400
    assert (await publish(desk, "waterschade", 1)).status_code == 201
    assert (await desk.send({**body, "answers": {**answers, "geur": "zuur"}})).status_code == 201


async def test_a_retired_type_is_refused_and_stays_in_the_history(desk: Desk) -> None:
    draft = await drafted(desk, isActive=False)
    await publish(desk, "hennepteelt", draft["revision"])
    refused = await desk.send(report())
    assert [each["code"] for each in refused.json()["errors"]] == ["unknown-signal-type"]
    history = (await call(desk, "GET", f"{PARTS}/hennepteelt/versions")).json()["versions"]
    assert [(each["version"], each["origin"], each["publishedBy"]) for each in history] == [
        (2, "own", str(JOOST)),
        (1, "seed", None),
    ]
    path = "/api/v1/signal-types/hennepteelt/versions/1"
    assert (await desk.client.get(path, headers=bearer("intake", anonymous()))).status_code == 200
    listed = (await call(desk, "GET", PARTS)).json()["parts"]
    assert next(each["isActive"] for each in listed if each["code"] == "hennepteelt") is False


async def test_of_two_who_publish_one_wins(desk: Desk) -> None:
    draft = await drafted(desk, name="Wiet")
    answers = await asyncio.gather(*(publish(desk, "hennepteelt", draft["revision"]) for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [201, *[412] * 5]
    assert (await published(desk, "hennepteelt"))["version"] == 2


async def test_two_editors_do_not_overwrite_each_other(desk: Desk) -> None:
    draft = await drafted(desk, name="Eerste")
    body = {"basedOn": 1, "document": {**draft["document"], "name": "Tweede"}}
    path = f"{PARTS}/hennepteelt/draft"
    assert (await call(desk, "PUT", path, body, who=MIA)).status_code == 428
    assert (await call(desk, "PUT", path, body, who=MIA, seen=1)).json()["revision"] == 2
    late = await call(desk, "PUT", path, {**body, "document": draft["document"]}, seen=1)
    assert (late.status_code, late.json()["code"]) == (412, "draft-changed")
    assert (await publish(desk, "hennepteelt", 1)).status_code == 412
    assert (await call(desk, "DELETE", path, seen=1)).status_code == 412
    assert (await call(desk, "GET", path)).json()["document"]["name"] == "Tweede"
    assert (await call(desk, "DELETE", path, seen=2)).status_code == 204
    assert (await call(desk, "GET", path)).status_code == 404
    assert (await publish(desk, "hennepteelt", 2)).status_code == 412


async def test_what_was_read_is_what_is_published_also_when_the_draft_was_begun_anew(desk: Desk) -> None:
    await desk.hear(desk.town.state.model_copy(update={"version": 2, "four_eyes_on_forms": True}))
    read = await drafted(desk, name="Wat Mia las")
    path = f"{PARTS}/hennepteelt/draft"
    assert (await call(desk, "DELETE", path, seen=read["revision"])).status_code == 204
    other = await drafted(desk, name="Wat niemand las")
    assert other["revision"] > read["revision"]
    late = await publish(desk, "hennepteelt", read["revision"], MIA)
    assert (late.status_code, late.json()["code"]) == (412, "draft-changed")
    assert (await publish(desk, "hennepteelt", other["revision"], MIA)).status_code == 201
    after = await call(desk, "PUT", path, {"basedOn": 2, "document": read["document"]})
    assert after.json()["revision"] > other["revision"]


async def test_there_are_as_many_drafts_as_there_can_be_parts(desk: Desk) -> None:
    document = (await drafted(desk))["document"]
    for number in range(1, MOST_DRAFTS):
        body = {"basedOn": 0, "document": {**document, "code": f"nieuw-{number}"}}
        assert (await call(desk, "PUT", f"{PARTS}/nieuw-{number}/draft", body)).status_code == 200
    refused = await call(desk, "PUT", f"{PARTS}/een-te-veel/draft", {"basedOn": 0, "document": document})
    assert (refused.status_code, refused.json()["code"]) == (409, "too-many-drafts")
    again = await call(desk, "PUT", f"{PARTS}/nieuw-1/draft", {"basedOn": 0, "document": document}, seen=1)
    assert again.status_code == 200


async def test_a_draft_of_an_older_version_is_not_published_over_a_newer_one(desk: Desk) -> None:
    draft = await drafted(desk, name="Oud")
    newer = _newer_seed(hennepteelt="Nieuw van de software")
    async with desk.database.flowing() as connection:
        await adopt_seed(connection, "zandrecht", newer)
    refused = await publish(desk, "hennepteelt", draft["revision"])
    assert (refused.status_code, refused.json()["code"]) == (409, "form-changed")
    body = {"basedOn": 2, "document": draft["document"]}
    await call(desk, "PUT", f"{PARTS}/hennepteelt/draft", body, seen=1)
    assert (await publish(desk, "hennepteelt", 2)).status_code == 201


def _newer_seed(**names: str) -> Any:
    seed = load_seed()
    types = {code: replace(kind, name=names.get(code, kind.name)) for code, kind in seed.signal_types.items()}
    return replace(seed, seed_version="2999-01-01", signal_types=types)


async def test_an_upgrade_brings_new_texts_and_leaves_own_ones(desk: Desk) -> None:
    newer = _newer_seed(hennepteelt="Anders", drugslab="Lab")
    draft = await drafted(desk, name="Onze wiet")
    await publish(desk, "hennepteelt", draft["revision"])
    await Offers(newer, desk.signers).adopt(desk.database)
    own, followed = await published(desk, "hennepteelt"), await published(desk, "drugslab")
    assert (own["document"]["name"], own["version"], own["origin"]) == ("Onze wiet", 2, "own")
    assert (followed["document"]["name"], followed["version"]) == ("Lab", 3)
    spoken = [each for each in await desk.spoken(FormsConfigured) if each.municipality == "zandrecht"]
    assert spoken[-1].version == 3
    await Offers(newer, desk.signers).adopt(desk.database)
    assert (await published(desk, "drugslab"))["version"] == 3


async def test_where_four_eyes_are_wanted_nobody_publishes_their_own_edit(desk: Desk) -> None:
    await desk.hear(desk.town.state.model_copy(update={"version": 2, "four_eyes_on_forms": True}))
    draft = await drafted(desk, name="Vier ogen")
    refused = await publish(desk, "hennepteelt", draft["revision"], JOOST)
    assert (refused.status_code, refused.json()["code"]) == (403, "four-eyes")
    assert (await published(desk, "hennepteelt"))["version"] == 1
    assert (await publish(desk, "hennepteelt", draft["revision"], MIA)).status_code == 201


async def test_who_did_what_is_kept_without_content(desk: Desk) -> None:
    draft = await drafted(desk, name="Geheime naam")
    await publish(desk, "hennepteelt", draft["revision"], MIA)
    rows = (await call(desk, "GET", "/api/v1/form-audit")).json()["rows"]
    mine = [(each["what"], each["number"], each["person"]) for each in rows if each["person"]]
    assert mine == [("published", 2, str(MIA)), ("draft-saved", 1, str(JOOST))]
    assert {each["what"] for each in rows if not each["person"]} == {"seed-adopted"}
    async with desk.database.flowing() as connection:
        kept = str((await connection.execute(text("SELECT * FROM form_audit"))).all())
    assert "Geheime" not in kept


@pytest.mark.parametrize(
    ("identity", "status"),
    [
        (anonymous(), 401),
        (staff(Role.HANDLER), 403),
        (staff(Role.PROCESS_MANAGER), 403),
        (Identity("zandrecht", key_name="csv", roles=frozenset({Role.EXPORT})), 403),
        (Identity("zandrecht", key_name="vals", roles=frozenset({Role.ADMINISTRATOR})), 401),
    ],
)
async def test_only_an_administrator_in_person_touches_forms(
    desk: Desk, identity: Identity, status: int
) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/hennepteelt"),
        ("GET", "/hennepteelt/versions"),
        ("GET", "/hennepteelt/versions/1"),
        ("GET", "/hennepteelt/draft"),
        ("DELETE", "/hennepteelt/draft"),
        ("GET", "/hennepteelt/draft/preview"),
        ("POST", "/hennepteelt/draft/_publish"),
    ):
        answer = await desk.client.request(method, PARTS + path, headers=bearer("intake", identity))
        assert answer.status_code == status, (method, path)
    body = {"basedOn": 0, "document": NEW_TYPE}
    headers = bearer("intake", identity)
    answer = await desk.client.put(f"{PARTS}/waterschade/draft", json=body, headers=headers)
    assert answer.status_code == status
    answer = await desk.client.post(f"{PARTS}/waterschade/draft/_check", json=report(), headers=headers)
    assert answer.status_code == status


async def test_an_administrator_touches_no_other_municipality(desk: Desk) -> None:
    draft = await drafted(desk, name="Van Zandrecht")
    other = bearer("intake", staff(Role.ADMINISTRATOR, municipality="polderdam"))
    path = f"{PARTS}/hennepteelt/draft"
    assert (await desk.client.get(path, headers=other)).status_code == 404
    await publish(desk, "hennepteelt", draft["revision"])
    found = (await desk.client.get(f"{PARTS}/hennepteelt", headers=other)).json()
    assert (found["version"], found["document"]["name"]) == (1, "Hennepkwekerij")


async def test_a_faulty_draft_is_kept_and_not_published(desk: Desk) -> None:
    draft = await drafted(desk, name=" ", defaultUrgency="vlug", code="anders-genoemd")
    wrong = {"/name", "/defaultUrgency", "/code"}
    assert {each["pointer"] for each in draft["faults"]} == wrong
    assert all(each["message"] and each["messageEn"] for each in draft["faults"])
    for method, path in (("POST", "_publish"), ("GET", "preview")):
        refused = await call(desk, method, f"{PARTS}/hennepteelt/draft/{path}", seen=1)
        assert refused.status_code == 400
        assert {each["pointer"] for each in refused.json()["errors"]} == wrong
    assert (await published(desk, "hennepteelt"))["version"] == 1


async def test_the_shared_part_is_checked_against_every_type(desk: Desk) -> None:
    part = await published(desk, "general")
    questions = part["document"]["generalQuestions"]
    clash = {"code": "geur", "label": "Geur?", "kind": "tekst"}
    draft = await drafted(desk, "general", generalQuestions=[*questions, clash])
    assert ("/signalTypes/hennepteelt/questions/0/code", "repeated") in {
        (each["pointer"], each["code"]) for each in draft["faults"]
    }
    extra = {"code": "weer", "label": "Welk weer was het?", "kind": "keuze", "options": ["zon", "regen"]}
    body = {"basedOn": 1, "document": {**part["document"], "generalQuestions": [*questions, extra]}}
    await call(desk, "PUT", f"{PARTS}/general/draft", body, seen=1)
    assert (await publish(desk, "general", 2)).status_code == 201
    answers = {"waargenomen": "vermoeden", "weer": "zon"}
    assert (await desk.send(report(answers=answers))).status_code == 201
    assert (await desk.send(report(answers={**answers, "weer": "hagel"}))).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("hennepteelt/draft", {"basedOn": 1}, 400),
        ("hennepteelt/draft", {"basedOn": 1, "document": {"code": "x"}}, 400),
        ("hennepteelt/draft", {"basedOn": "een", "document": NEW_TYPE}, 400),
        ("hennepteelt/draft", {"basedOn": 1, "document": {**NEW_TYPE, "kleur": 1}}, 400),
        ("hennepteelt/draft", {"basedOn": 1, "document": {**NEW_TYPE, "name": "a\0"}}, 400),
        ("HENNEP/draft", {"basedOn": 1, "document": NEW_TYPE}, 400),
        ("general/draft", {"basedOn": 1, "document": NEW_TYPE}, 400),
    ],
)
async def test_a_draft_of_another_shape_is_refused(desk: Desk, path: str, body: Any, status: int) -> None:
    assert (await call(desk, "PUT", f"{PARTS}/{path}", body)).status_code == status


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    for path in ("niets", "niets/versions", "niets/draft", "niets/draft/preview", "niets/versions/1"):
        assert (await call(desk, "GET", f"{PARTS}/{path}")).status_code == 404, path
    assert (await publish_without_revision(desk)).status_code == 404
    for version in (7, 2**31):
        path = f"/api/v1/signal-types/hennepteelt/versions/{version}"
        status = (await desk.client.get(path, headers=bearer("intake", anonymous()))).status_code
        assert status == (404 if version == 7 else 400)


async def publish_without_revision(desk: Desk) -> httpx.Response:
    return await call(desk, "POST", f"{PARTS}/hennepteelt/draft/_publish")
