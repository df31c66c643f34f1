"""Who writes casework's or the notifier's database puts a key or words of their own in a row.

Then nothing may be sealed to that key: no question, no note, no reply. And what they put in the place of a
reporter's words is not shown as the reporter's.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from common.contracts.codes import KeyGroup
from common.receipt import mailbox_of, parse_receipt
from common.sealing import Recipient, decode, encode, generate_key_pair, seal_content
from common.vouching import Signing, new_signing_key, reply_statement
from local.system import System
from playwright.async_api import Browser, Page, expect

from tests.support.attempts import Attempts
from tests.support.browser import running_browser, visiting
from tests.support.desk import Reported, front, open_mailbox, path, person, report, sign_in, unlock
from tests.support.municipality import vouched_key
from tests.support.polling import wait_until
from tests.support.whole import metrics, running_whole

THEIRS = Signing(new_signing_key())
THEIR_KEY = encode(generate_key_pair().public)


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, started once."""
    async with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def whole() -> Iterator[System]:
    """All five services."""
    with running_whole() as started:
        yield started


@dataclass(frozen=True)
class Case:
    """A report in hand, of which a first question was asked before anything was swapped."""

    reported: Reported
    question: str

    @property
    def id(self) -> str:
        """The report's id."""
        return self.reported.id


@pytest.fixture
def case(whole: System) -> Case:
    """A report that Noor took and asked about."""
    reported = report(whole)
    noor = front(whole).sign_in(person(whole, "noor"))
    noor.take(reported.id, 1)
    noor.move(reported.id, 2, "in-progress")
    noor.ask(reported.id, "Hoe laat brandt het licht?")
    shown = noor.call("GET", f"/api/v1/reports/{reported.id}").require(200)
    return Case(reported, shown["questions"][0]["questionId"])


@asynccontextmanager
async def swapped(
    whole: System, service: str, table: str, where: str, **values: str | None
) -> AsyncIterator[None]:
    """The attacker's values in one row, as who owns the server can write them; the true ones afterwards."""
    connection = await asyncpg.connect(whole.database_url(service))
    try:
        row = await connection.fetchrow(f"SELECT * FROM {table} WHERE {where}")  # noqa: S608 -- of this file
        assert row is not None, f"nothing to attack: {table} {where}"
        for column, value in values.items():
            await connection.execute(_set(table, column, where), value)
        yield
        for column in values:
            await connection.execute(_set(table, column, where), str(row[column]))
    finally:
        await connection.close()


def _set(table: str, column: str, where: str) -> str:
    kind = "jsonb" if column in {"state", "content", "signers", "voucher"} else "text"
    return f"UPDATE {table} SET {column} = CAST(CAST($1 AS text) AS {kind}) WHERE {where}"  # noqa: S608


async def _value(whole: System, service: str, table: str, column: str, where: str) -> str:
    connection = await asyncpg.connect(whole.database_url(service))
    try:
        query = f"SELECT {column} FROM {table} WHERE {where}"  # noqa: S608 -- of this file
        return str(await connection.fetchval(query))
    finally:
        await connection.close()


async def _asks(page: Page, whole: System, case: Case, label: str, button: str, *, unlocked: bool) -> bool:
    """Whether a handler's browser seals and sends what is written now."""
    await page.goto(path(whole, f"/werklijst/{case.id}"))
    if unlocked:
        await unlock(page, person(whole, "noor").passphrase)
        await expect(page.locator("#opened")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    await page.get_by_label(label).fill("Wie woont daar?")
    await page.get_by_role("button", name=button).click()
    refusal = page.get_by_text("De sleutel om dit mee te verzegelen is niet te vertrouwen.")
    await expect(refusal.or_(page.get_by_text("Gelukt."))).to_be_visible()
    return any(url.endswith(("/questions", "/notes")) for url in sent)


def _keys_of_their_own(state: str, *, signers: bool) -> str:
    """A municipality's state with the attacker's key for every group, signed by a signer of theirs."""
    changed = json.loads(state)
    code = changed["municipality"]
    theirs = [
        vouched_key(code, THEIRS, KeyGroup(key["group"]), key["keyId"], THEIR_KEY) for key in changed["keys"]
    ]
    changed["keys"] = [key.model_dump(mode="json", by_alias=True) for key in theirs]
    if signers:
        changed["signers"] = [{"publicKey": THEIRS.public_key, "signature": ""}]
    return json.dumps(changed)


async def test_who_writes_caseworks_database_gets_no_question_and_no_note(
    browser: Browser, whole: System, case: Case, attempts: Attempts
) -> None:
    code, mine = whole.demo.first.code, f"id = '{case.id}'"
    town = f"municipality = '{code}'"
    state = await _value(whole, "casework", "municipality_state", "state", town)
    voucher = json.loads(await _value(whole, "casework", "report", "voucher", mine))
    forged = json.dumps({**voucher, "signature": THEIRS.sign(b"report")})
    swaps = {
        "the reporter's key": ("report", mine, {"reporter_public_key": THEIR_KEY}),
        "the reporter's key and its voucher": (
            "report",
            mine,
            {"reporter_public_key": THEIR_KEY, "voucher": forged},
        ),
        "the group's key": ("municipality_state", town, {"state": _keys_of_their_own(state, signers=False)}),
        "the group's key and the signer": (
            "municipality_state",
            town,
            {"state": _keys_of_their_own(state, signers=True)},
        ),
    }
    question, note = ("Stel een vraag", "Verstuur de vraag"), ("Nieuwe aantekening", "Bewaar de aantekening")
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole)
        assert await _asks(page, whole, case, *question, unlocked=True), "an honest question is not sent"
        for what, (table, where, values) in swaps.items():
            async with swapped(whole, "casework", table, where, **values):
                for unlocked in (True, False):
                    is_sent = await _asks(page, whole, case, *question, unlocked=unlocked)
                    attempts.record(f"casework's database: {what}, a question", succeeded=is_sent)
                if table == "municipality_state":
                    is_sent = await _asks(page, whole, case, *note, unlocked=True)
                    attempts.record(f"casework's database: {what}, a note", succeeded=is_sent)
        assert await _asks(page, whole, case, *note, unlocked=True), "an honest note is not sent"
    assert 'vermoeden_keys_refused_total{where="desk"}' in metrics(whole)["gateway"]


@asynccontextmanager
async def _at_the_desk(browser: Browser, whole: System, case: Case) -> AsyncIterator[Page]:
    """A handler, signed in, at the page of this report."""
    async with visiting(browser, whole.gateway_url) as (page, _):
        await sign_in(page, whole)
        await page.goto(path(whole, f"/werklijst/{case.id}"))
        yield page


async def test_what_is_put_in_a_reporters_place_is_not_shown_as_theirs(
    browser: Browser, whole: System, case: Case, attempts: Attempts
) -> None:
    await _reply(whole, case)
    async with (
        lied(whole, case),
        swapped(whole, "casework", "reply", f"question_id = '{case.question}'", signature=THEIRS.sign(b"x")),
        _at_the_desk(browser, whole, case) as page,
    ):
        await unlock(page, person(whole, "noor").passphrase)
        await expect(page.locator("#opened")).to_be_visible()
        shown = await page.locator("main").inner_text()
        attempts.record("casework's database: another content", succeeded="De buurman" in shown)
        attempts.record("casework's database: another's reply", succeeded="Elke nacht" in shown)
        assert shown.count("Dit komt niet van de melder of is veranderd.") == 2
    async with _at_the_desk(browser, whole, case) as page:
        await unlock(page, person(whole, "noor").passphrase)
        await expect(page.get_by_text("Elke nacht")).to_be_visible()
        await expect(page.get_by_text("Ferdinand Quispelaar")).to_be_visible()


@asynccontextmanager
async def lied(whole: System, case: Case) -> AsyncIterator[None]:
    """A content of the attacker's in the place of the reporter's, sealed to the municipality's own key."""
    code, key = whole.demo.first.code, whole.demo.first.key_id("general")
    general = Recipient("general", key, whole.demo.first.key_pair("general").public)
    lie = json.dumps({"description": "De buurman deed het.", "answers": {}})
    sealed = seal_content(
        lie.encode(), [general], municipality=code, compartment="content", subject=case.id
    ).model_dump(mode="json", by_alias=True)
    wraps = sealed.pop("wraps")
    mine = f"report_id = '{case.id}' AND compartment = 'content'"
    async with (
        swapped(whole, "casework", "sealed", mine, content=json.dumps(sealed)),
        swapped(whole, "casework", "wrap", mine, wrapped_key=wraps[0]["wrappedKey"]),
    ):
        yield


async def test_without_a_voucher_a_content_is_shown_only_to_who_asks_below_the_warning(
    browser: Browser, whole: System, case: Case, attempts: Attempts
) -> None:
    await _reply(whole, case)
    async with (
        lied(whole, case),
        swapped(whole, "casework", "report", f"id = '{case.id}'", voucher=None),
        _at_the_desk(browser, whole, case) as page,
    ):
        async with page.expect_response("**/api/v1/key-alarms") as alarm:
            await unlock(page, person(whole, "noor").passphrase)
        assert (await alarm.value).status == 204
        assert _alarms(whole) > 0  # a burst of them is counted, and then one a minute
        await expect(page.locator("#opened")).to_be_visible()
        await expect(page.get_by_text("Wij kunnen niet nagaan of dit van de melder komt.")).to_be_visible()
        shown = await page.locator("main").inner_text()
        attempts.record("casework's database: another content, no voucher", succeeded="De buurman" in shown)
        attempts.record("casework's database: a reply, no voucher", succeeded="Elke nacht" in shown)
        warning = page.get_by_text("ontbreekt het bewijs dat de tekst van de melder komt")
        await expect(warning).to_be_visible()
        await page.get_by_role("button", name="Toon de tekst toch").click()
        await expect(page.get_by_text("De buurman deed het.")).to_be_visible()
        await expect(warning).to_be_visible()
        attempts.record(
            "casework's database: a reply, no voucher",
            succeeded=await page.get_by_text("Elke nacht").count() > 0,
        )
        await page.get_by_role("button", name="Sluit de inhoud weer af").click()
        await unlock(page, person(whole, "noor").passphrase)
        await expect(page.get_by_role("button", name="Toon de tekst toch")).to_be_visible()
        await expect(page.get_by_text("De buurman deed het.")).to_have_count(0)


def _alarms(whole: System) -> float:
    said = re.search(r'vermoeden_keys_refused_total\{where="desk"\} (\S+)', metrics(whole)["gateway"])
    return float(said[1]) if said else 0.0


async def _reply(whole: System, case: Case) -> None:
    """Answer as the reporter does, and wait until casework has it."""
    await wait_until(lambda: _is_asked(whole, case), seconds=20)
    asked = front(whole).read_mailbox(case.reported.receipt)["questions"][0]
    front(whole).reply(case.reported.receipt, asked, "Elke nacht, vanaf elf uur.")

    async def is_there() -> bool:
        mine = f"question_id = '{case.question}'"
        return await _value(whole, "casework", "reply", "count(*)", mine) == "1"

    await wait_until(is_there, seconds=20)


async def _is_asked(whole: System, case: Case) -> bool:
    return bool(front(whole).read_mailbox(case.reported.receipt)["questions"])


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
async def test_who_writes_the_notifiers_database_gets_no_reply(
    browser: Browser, whole: System, case: Case, attempts: Attempts, script: bool
) -> None:
    await wait_until(lambda: _is_asked(whole, case), seconds=20)
    code, mine = whole.demo.first.code, f"id = '{case.question}'"
    key_id = whole.demo.first.key_id("general")
    handle = await _value(whole, "notifier", "question", "reporter_handle", mine)
    box = f"reporter_handle = '{handle}'"
    true = await _value(whole, "notifier", "question", "signers", mine)
    theirs = vouched_key(code, THEIRS, KeyGroup.GENERAL, key_id, THEIR_KEY)
    own = json.dumps([{"publicKey": THEIRS.public_key, "signature": ""}])
    after = json.dumps([*json.loads(true), {"publicKey": THEIRS.public_key, "signature": ""}])
    town = f"municipality = '{code}'"
    keys = json.loads(await _value(whole, "casework", "municipality_state", "state", town))["keys"]
    restricted = next(each for each in keys if each["group"] == "restricted")
    signed = {"reply_public_key": THEIR_KEY, "reply_key_signature": theirs.signature}
    swaps: dict[str, tuple[str, str, dict[str, str]]] = {
        "the key": ("question", mine, {"reply_public_key": THEIR_KEY}),
        "the key, signed by them": ("question", mine, signed),
        "the key and the signer": ("question", mine, {**signed, "signers": own}),
        "the key and a signer after ours": ("question", mine, {**signed, "signers": after}),
        "the pin": ("mailbox", box, {"signer_pin": encode(bytes(32))}),
        "no pin": ("mailbox", box, {"signer_pin": ""}),
        "another group's key": (
            "question",
            mine,
            {
                "reply_public_key": restricted["publicKey"],
                "reply_key_signature": restricted["signature"],
                "reply_key_group": "restricted",
                "reply_key_id": restricted["keyId"],
            },
        ),
    }
    async with visiting(browser, whole.gateway_url, java_script_enabled=script) as (page, _):
        await open_mailbox(page, whole, case.reported.receipt)
        await expect(page.get_by_label("Uw antwoord")).to_be_visible()
        for what, (table, where, values) in swaps.items():
            async with swapped(whole, "notifier", table, where, **values):
                await open_mailbox(page, whole, case.reported.receipt)
                await expect(page.get_by_text("Wij kunnen niet nagaan")).to_be_visible()
                may_answer = await page.get_by_label("Uw antwoord").count() > 0
                attempts.record(f"notifier's database: {what}", succeeded=may_answer)
        await open_mailbox(page, whole, case.reported.receipt)
        await page.get_by_label("Uw antwoord").fill("Elke nacht.")
        await page.get_by_role("button", name="Verstuur mijn antwoord").click()
        await expect(page.get_by_text("Uw antwoord is verstuurd")).to_be_visible()
    assert 'vermoeden_keys_refused_total{where="mailbox"}' in metrics(whole)["gateway"]


async def test_a_stolen_look_up_id_answers_nothing(whole: System, case: Case, attempts: Attempts) -> None:
    await wait_until(lambda: _is_asked(whole, case), seconds=20)
    code = whole.demo.first.code
    mailbox = mailbox_of(parse_receipt(case.reported.receipt))
    asked = front(whole).read_mailbox(case.reported.receipt)["questions"][0]["replyKey"]
    sealed = seal_content(
        b"Ik heb mij vergist.",
        [Recipient(asked["group"], asked["keyId"], decode(asked["publicKey"]))],
        municipality=code,
        compartment="reply",
        subject=case.question,
    )
    reply_id = str(uuid4())
    statement = reply_statement(code, case.question, reply_id, sealed)
    other = mailbox.signing.sign(reply_statement(code, case.question, str(uuid4()), sealed))
    for what, signature in {
        "signed by them": THEIRS.sign(statement),
        "a signature of another reply": other,
        "no signature": "A" * 86,
    }.items():
        body = {
            "lookupId": mailbox.lookup_id,
            "questionId": case.question,
            "replyId": reply_id,
            "sealedReply": sealed.model_dump(mode="json", by_alias=True),
            "signature": signature,
        }
        answer = front(whole).call("POST", "/api/v1/mailboxes/_reply", body)
        attempts.record(f"look-up id alone: {what}", succeeded=answer.status == 201)
        assert answer.status == 400
