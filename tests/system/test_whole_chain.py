"""The whole system as `make run` starts it: one report all the way, and nothing left in clear behind it."""

import json
import re
import secrets
from collections.abc import Iterator
from email.message import EmailMessage
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from common.messaging.topology import UNROUTED
from intake.seed import load_seed
from local.check import Chain
from local.client import Caller
from local.demo import SUBSCRIBED
from local.samples import lines_of, newest_line
from local.system import System

from tests.support.files import CANARY as IN_FILE
from tests.support.files import photo
from tests.support.polling import wait_until
from tests.support.whole import files_that_hold, metrics, overhearing, running_whole, tables

#: What stands for a browser's own memory in this set-up, or for a mail server that is not ours.
APART = ("demo.json", "mail", "secrets")
REPORTED = {
    "a name": "meneer Ferdinand Quispelaar",
    "a phone number": "06-41873302",
    "a mail address": "f.quispelaar@voorbeeld.example",
    "a number plate": "XK-427-D",
    "an account number": "NL91ABNA0417164300",
    "an address": "Kraanvogelpad 113",
    "a name in an answer": "mevrouw Josefientje Hagelkruid",
    "the reporter's name": "Zebedea Vlinderman",
    "the reporter's phone number": "06-20417755",
    "the reporter's mail address": "zebedea.vlinderman@melder.example",
    "what the reporter marked": "kromzwaard in het raam",
    "how far north": "52.7391826",
    "how far east": "4.6482915",
}
#: Said at the door by a report that is refused, by a look before sending, by staff, and by the connection.
BESIDES = {
    "a name in a refused report": "Ysbrandt Woelwater",
    "a field of a refused report": "woelwaterveld",
    "a name in a look before sending": "Petronella Zilvermeeuw",
    "a name of a file": "Boudewijn-Kraaienpoot-paspoort.jpg",
    "a name that staff entered": "Aldegonde Reigersbek",
    "a name in what staff entered": "Wolfert Spreeuwenburg",
    "the moment at which staff heard it": "07:33.481937",
    "the reporter's address": "127.7.31",
    "the reporter's browser": "Vlinderbrowser/7",
    "a name in the subject of a mail": "Evert Goudplevier",
    "a name in a mail": "Hillegonda Kluutvogel",
    "the sender of a mail": "Diederik Waterhoenstra",
    "the address of a sender": "d.waterhoenstra@elders.example",
    "a name in the history of a mail": "Roelfina Tureluurs",
    "a name of a file in a mail": "Siemen-Grutto-rijbewijs.jpg",
    "a head of a mail": "kluut-77.postkamer.example",
    "a name in a mail that is refused": "Balthasar Nachtzwaluw",
}
_ANSWERS = {"waargenomen": "zelf-waargenomen", "geur": "nee"}
_FORM = "multipart/form-data; boundary=grens"
_DAMAGED = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!stuk!!!"
_CARRIED = re.compile(r'name="file" value="([^"]+)"')
SPOKEN = {"the question": "Zag u Quispelaar zelf tillen?", "the reply": "Ja, samen met Hagelkruid."}


@pytest.fixture(scope="module")
def whole() -> Iterator[System]:
    with running_whole() as system:
        yield system


def test_one_report_goes_all_the_way(whole: System) -> None:
    links = list(Chain(whole).links())
    assert [link.line() for link in links if not link.is_held] == []
    assert len(links) == 11


async def test_every_subscribed_partner_has_a_queue_for_what_it_is_offered(whole: System) -> None:
    front = Caller(whole.gateway_url, whole.demo.first.code)
    front.report({"signalType": "hennepteelt", "description": "Het ruikt er naar wiet.", "answers": _ANSWERS})
    named = {kind.code: kind.partners for kind in load_seed().signal_types.values()}["hennepteelt"]
    offered_to = set(named) & set(SUBSCRIBED)
    assert len(offered_to) > 1

    async def waiting(url: str, name: str) -> int:
        async with await aio_pika.connect(url) as connection:
            queue = await (await connection.channel()).declare_queue(name, passive=True)
            return int(queue.declaration_result.message_count or 0)

    queues = whole.partners[whole.demo.first.code]

    async def all_hold_an_offer() -> bool:
        return all([await waiting(queues[partner].amqp_url, queues[partner].queue) for partner in offered_to])

    await wait_until(all_hold_an_offer, seconds=60)
    assert await waiting(whole.rabbit.amqp_url, UNROUTED) == 0


async def test_nothing_that_identifies_anyone_is_left_in_clear_anywhere(whole: System) -> None:
    key = secrets.token_urlsafe(24)
    async with overhearing(whole) as overheard:
        receipt = await _report_and_talk(whole, key)
        await _come_by_other_doors(whole)
    town = whole.demo.first
    canaries = {
        **REPORTED,
        **SPOKEN,
        **BESIDES,
        "the receipt": receipt,
        "the receipt without dashes": receipt.replace("-", ""),
        "the idempotency key": key,
        "what a photo told of its maker": IN_FILE,
        "a password": town.person("amina").password,
        "a passphrase": str(town.person("amina").passphrase),
        "an API key": town.api_key,
    }
    passing = {"messages": b"\n".join(overheard).decode(), **await tables(whole), **metrics(whole)}
    assert len(overheard) >= 12
    assert {place for place, text in passing.items() if text} >= {"messages", "casework.report", "intake"}
    leaks = [(place, name) for place, text in passing.items() for name, it in canaries.items() if it in text]
    assert leaks == []
    sought = {name: text.encode() for name, text in canaries.items()}
    assert await files_that_hold(whole.folder, sought, apart=APART) == {}


async def test_a_canary_in_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(b"\x00 Ferdinand \xff")
    found = await files_that_hold(tmp_path, {"a name": b"Ferdinand"}, apart=("mail",))
    assert list(found.values()) == ["a name"]
    assert await files_that_hold(tmp_path, {"a name": b"Ferdinand"}, apart=("deep",)) == {}


async def test_mails_hold_their_reader_and_nothing_of_a_report(whole: System) -> None:
    apart = {"the reporter's mail address"}
    canaries = {name: text for name, text in {**REPORTED, **SPOKEN}.items() if name not in apart}

    async def is_mailed() -> bool:
        return any(
            REPORTED["the reporter's mail address"] in str(mail["To"]) for mail in whole.mail.messages()
        )

    await wait_until(is_mailed, what="a mail to the reporter")
    mails = "\n".join(part for mail in whole.mail.messages() for part in _parts(mail))
    assert [name for name, text in canaries.items() if text in mails] == []


def test_reports_are_taken_while_the_broker_is_away_and_arrive_after(whole: System) -> None:
    town = whole.demo.first
    front = Caller(whole.gateway_url, town.code)
    manager = front.sign_in(town.person("amina"))
    known = set(lines_of(manager))
    whole.rabbit.stop()
    try:
        receipts = {front.report(_report())["receipt"] for _ in range(3)}
        assert len(receipts) == 3
        assert set(lines_of(manager)) == known
    finally:
        whole.rabbit.start()
    for _ in receipts:
        known.add(newest_line(manager, known)["id"])


def _parts(mail: EmailMessage) -> list[str]:
    bodies = [str(part.get_content()) for part in mail.walk() if not part.is_multipart()]
    return [*map(str, mail.values()), *bodies]


async def _report_and_talk(whole: System, key: str) -> str:
    """Report with every canary, ask, reply and close; returns the receipt."""
    town = whole.demo.first
    front = Caller(whole.gateway_url, town.code)
    manager = front.sign_in(town.person("amina"))
    known = set(lines_of(manager))
    sent = front.send_file(photo((640, 480)), "image/jpeg", "hennepteelt")
    receipt: str = front.report({**_report(), "attachments": [sent]}, key)["receipt"]
    report_id = newest_line(manager, known)["id"]
    manager.take(report_id, 1)
    manager.ask(report_id, SPOKEN["the question"])

    async def is_asked() -> bool:
        return bool(front.read_mailbox(receipt)["questions"])

    await wait_until(is_asked, what="the question in the mailbox")
    (question,) = front.read_mailbox(receipt)["questions"]
    assert question["text"] == SPOKEN["the question"]
    front.reply(receipt, question, SPOKEN["the reply"])

    async def is_replied() -> bool:
        return bool(manager.open_with(town, report_id, "reply"))

    await wait_until(is_replied, what="the reply at casework")
    assert manager.open_with(town, report_id, "reply") == [SPOKEN["the reply"]]
    (content,) = manager.open_with(town, report_id, "content")
    assert all(REPORTED[name] in content for name in ("a name", "an address", "a name in an answer"))
    (file,) = manager.open_files(town, report_id)
    assert file.startswith(b"\xff\xd8\xff")
    assert IN_FILE.encode() not in file
    version = manager.call("GET", f"/api/v1/reports/{report_id}").require(200)["version"]
    manager.close(report_id, version, "supervision")
    return receipt


async def _come_by_other_doors(whole: System) -> None:
    """Look before sending, be refused, send a file by form, enter a report as staff: each with canaries."""
    town = whole.demo.first
    front = Caller(whole.gateway_url, town.code)
    manager = front.sign_in(town.person("amina"))
    known = set(lines_of(manager))
    key = secrets.token_urlsafe(24)
    solved = {"Idempotency-Key": key, **front.proof(key)}
    words = {"description": f"Het is {BESIDES['a name in a look before sending']}, zegt men."}
    assert _from_afar(whole, "/api/v1/anonymisations", words, solved)[0] == 200
    wrong = {**_report(), "description": BESIDES["a name in a refused report"], "mode": "anoniem"}
    wrong[BESIDES["a field of a refused report"]] = BESIDES["a name in a refused report"]
    assert _from_afar(whole, "/api/v1/reports", wrong, solved)[0] == 400
    assert _from_afar(whole, "/api/v1/attachments", _form(), {"Content-Type": _FORM})[0] == 201
    entered = {
        **_report(),
        "description": f"Gebeld: {BESIDES['a name in what staff entered']} doet dit.",
        "channel": "telefoon",
        "receivedElsewhereAt": f"2026-11-24T10:{BESIDES['the moment at which staff heard it']}Z",
        "mode": "op-naam",
        "contact": {"name": BESIDES["a name that staff entered"]},
    }
    front.sign_in(town.person("karim")).report({**entered, "hide": []})
    known.add(newest_line(manager, known)["id"])
    _enter_a_mail(whole)
    newest_line(manager, known)


def _enter_a_mail(whole: System) -> None:
    """Staff drops a mail that is refused, then one that is read, looks it over and stores it."""
    town = whole.demo.first
    session = Caller(whole.gateway_url, town.code).sign_in(town.person("karim"))._headers
    headers = {"Cookie": session["Cookie"], "Content-Type": _FORM, "Accept": "text/html"}
    asked = {"csrf_token": session["X-CSRF-Token"], "type": "hennepteelt", "enclosed": "1", "step": "mail"}

    def post(fields: dict[str, str], mail: bytes = b"") -> tuple[int, str]:
        body = _multipart(fields, "mail", "melding.eml", "message/rfc822", mail)
        return _from_afar(whole, f"/{town.code}/invoeren", body, headers)

    damaged = f"Subject: {BESIDES['a name in a mail that is refused']}\r\n".encode() + _DAMAGED
    assert post(asked, damaged)[0] == 400
    status, page = post(asked, _mail())
    assert status == 200
    for name in ("a name in the subject of a mail", "a name in a mail", "the sender of a mail"):
        assert BESIDES[name] in page
    carried = _CARRIED.search(page)
    assert carried, "the photo in the mail did not come along"
    stored = {
        **{name: asked[name] for name in ("csrf_token", "type")},
        "key": secrets.token_urlsafe(24),
        "file": carried[1],
        "description": _words_of_mail(),
        **{f"q-{code}": answer for code, answer in _ANSWERS.items()},
        "channel": "mail",
        "mode": "vertrouwelijk",
        "name": BESIDES["the sender of a mail"],
        "mail": BESIDES["the address of a sender"],
        "step": "send",
    }
    status, page = post(stored)
    assert status == 201, page


def _words_of_mail() -> str:
    return (
        f"Over meneer {BESIDES['a name in the subject of a mail']}\n\n"
        f"Mevrouw {BESIDES['a name in a mail']} sjouwt elke nacht met lampen."
    )


def _mail() -> bytes:
    """A mail with a canary in every part of it."""
    subject, text = _words_of_mail().split("\n\n")
    mail = EmailMessage()
    mail["From"] = f"{BESIDES['the sender of a mail']} <{BESIDES['the address of a sender']}>"
    mail["Subject"], mail["Date"] = subject, "Tue, 24 Nov 2026 09:41:07 +0100"
    mail["Received"] = f"from {BESIDES['a head of a mail']}; Tue, 24 Nov 2026 09:41:08 +0100"
    mail.set_content(f"{text}\n\n> Dag {BESIDES['a name in the history of a mail']}, wat zag u?\n")
    mail.add_attachment(
        photo((64, 48)), maintype="image", subtype="jpeg", filename=BESIDES["a name of a file in a mail"]
    )
    return mail.as_bytes()


def _from_afar(whole: System, path: str, body: object, headers: dict[str, str]) -> tuple[int, str]:
    """Post from an address and with a browser that must be kept nowhere; the answer."""
    told = {
        "Municipality": whole.demo.first.code,
        "User-Agent": BESIDES["the reporter's browser"],
        "Content-Type": "application/json",
        **headers,
    }
    host, _, port = whole.gateway_url.removeprefix("http://").partition(":")
    source = (BESIDES["the reporter's address"] + ".9", 0)
    connection = HTTPConnection(host, int(port), timeout=30, source_address=source)
    try:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", path, raw, told)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _form() -> bytes:
    """A photo in a form, under a name that tells."""
    name = BESIDES["a name of a file"]
    return _multipart({"signalType": "hennepteelt"}, "file", name, "image/jpeg", photo((64, 48)))


def _multipart(fields: dict[str, str], name: str, file_name: str, media_type: str, content: bytes) -> bytes:
    """A form with a file, as a browser sends it."""
    start = '--grens\r\nContent-Disposition: form-data; name="'
    parts = [f'{start}{field}"\r\n\r\n{value}\r\n'.encode() for field, value in fields.items()]
    head = f'{start}{name}"; filename="{file_name}"\r\nContent-Type: {media_type}\r\n\r\n'
    return b"".join([*parts, head.encode(), content, b"\r\n--grens--\r\n"])


def _report() -> dict[str, Any]:
    """A report that holds every canary."""
    description = (
        f"Volgens {REPORTED['a name']} (bel {REPORTED['a phone number']} of mail "
        f"{REPORTED['a mail address']}) staat er een auto met kenteken {REPORTED['a number plate']}. "
        f"Geld gaat naar {REPORTED['an account number']}. "
        f"Er staat een {REPORTED['what the reporter marked']}."
    )
    return {
        "signalType": "hennepteelt",
        "description": description,
        "answers": {
            "waargenomen": "zelf-waargenomen",
            "voertuigen": f"De bus van {REPORTED['a name in an answer']}.",
        },
        "address": REPORTED["an address"],
        "hide": [REPORTED["what the reporter marked"]],
        "location": {
            "latitude": float(REPORTED["how far north"]),
            "longitude": float(REPORTED["how far east"]),
        },
        "contact": {
            "name": REPORTED["the reporter's name"],
            "phone": REPORTED["the reporter's phone number"],
            "mail": REPORTED["the reporter's mail address"],
        },
    }
