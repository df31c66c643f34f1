"""What people and programs do at the front door, for samples, checks and tests."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from common.chunks import ChunkOpener
from common.contracts.gateway import GroupKey, Signer
from common.questions import committed, question_of
from common.receipt import Mailbox, mailbox_of, parse_receipt
from common.sealing import (
    Context,
    Recipient,
    SealedContent,
    decode,
    encode,
    open_content,
    open_sealed,
    open_text,
    seal_content,
    seal_text,
)
from common.vouching import reply_statement, require_pinned_key
from gateway.domain.proof import solve

from local.demo import DemoTown, Person
from local.process import OPENER


@dataclass(frozen=True)
class Answer:
    """What the front door answered."""

    status: int
    body: Any
    headers: Mapping[str, str]

    def require(self, status: int) -> Any:  # noqa: ANN401 -- JSON
        """The body, if the status is this one; else an error that tells the other."""
        if self.status != status:
            problem = self.body if isinstance(self.body, dict) else {}
            told = problem.get("detail") or problem.get("title") or ""
            raise RuntimeError(
                f"expected {status}, got {self.status} {problem.get('code', '')} {told}".strip()
            )
        return self.body


class Caller:
    """Somebody at the front door of one municipality; anonymous until signed in."""

    def __init__(self, url: str, municipality: str) -> None:
        self._url = url
        self.municipality = municipality
        self._headers: dict[str, str] = {"Municipality": municipality}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:  # noqa: ANN401 -- JSON
        """One request; an answer that is not JSON stays bytes. Raises OSError when nobody answers."""
        data = json.dumps(body).encode() if body is not None else None
        sent = {"Content-Type": "application/json"} if data is not None else {}
        request = urllib.request.Request(  # noqa: S310 -- our own address
            self._url + path, data=data, method=method, headers={**self._headers, **sent, **headers}
        )
        return _asked(request)

    def sign_in(self, person: Person) -> "Caller":
        """The same door, as this person."""
        signed = Caller(self._url, self.municipality)
        credentials = {"login": person.login, "password": person.password}
        answer = signed.call("POST", "/api/v1/sessions", credentials)
        session = answer.require(201)
        signed._headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        signed._headers["X-CSRF-Token"] = session["csrfToken"]
        return signed

    def with_key(self, api_key: str) -> "Caller":
        """The same door, with an API key."""
        keyed = Caller(self._url, self.municipality)
        keyed._headers["Authorization"] = f"Bearer {api_key}"
        return keyed

    def report(self, body: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
        """Send a report; the answer holds the receipt. With the same key the same report."""
        sent_key = key or secrets.token_urlsafe(24)
        headers = {"Idempotency-Key": sent_key, **self.proof(sent_key)}
        answer = self.call("POST", "/api/v1/reports", dict(body), **headers)
        accepted: dict[str, Any] = answer.require(201)
        return accepted

    def proof(self, key: str) -> dict[str, str]:
        """The work that an anonymous report comes with."""
        if self._headers.keys() & {"Cookie", "Authorization"}:
            return {}
        found = self.call("GET", "/api/v1/challenges").require(200)
        return {"Proof-Of-Work": f"{found['token']}~{solve(found['token'], key, found['bits'])}"}

    def send_file(self, content: bytes, media_type: str, signal_type: str) -> dict[str, str]:
        """Send a photo or PDF ahead of its report; the answer goes into the report's `attachments`."""
        request = urllib.request.Request(  # noqa: S310 -- our own address
            self._url + "/api/v1/attachments",
            data=content,
            headers={**self._headers, "Content-Type": media_type, "Signal-Type": signal_type},
        )
        told = _asked(request).require(201)
        return {"id": told["id"], "claim": told["claim"]}

    def open_files(self, town: DemoTown, report_id: str) -> list[bytes]:
        """The files of a report, opened with the town's own key as its browsers would."""
        opening = self.call("POST", f"/api/v1/reports/{report_id}/openings", {"purpose": "quality"})
        return [self._opened_file(town, each) for each in opening.require(201)["attachments"]]

    def _opened_file(self, town: DemoTown, told: Mapping[str, Any]) -> bytes:
        sealed = self.call("GET", f"/api/v1/attachments/{told['id']}/content").require(200)
        wrap = told["wraps"][0]
        place = Context(self.municipality, "attachment", told["id"], wrap["keyId"])
        key = open_sealed(decode(wrap["wrappedKey"]), town.key_pair(wrap["group"]).private, place)
        opener = ChunkOpener(key, Context(self.municipality, "attachment", told["id"]))
        return opener.feed(sealed) + opener.finish()

    def take(self, report_id: str, version: int) -> dict[str, Any]:
        """Take a report."""
        return self._act(report_id, "takings", {"version": version})

    def move(self, report_id: str, version: int, status: str) -> dict[str, Any]:
        """Move a report along the transition table."""
        return self._act(report_id, "transitions", {"version": version, "status": status})

    def close(self, report_id: str, version: int, result: str) -> dict[str, Any]:
        """Close a report."""
        return self._act(report_id, "closings", {"version": version, "result": result})

    def ask(self, report_id: str, question: str) -> dict[str, Any]:
        """Ask the reporter, sealed as the browser would."""
        shown = self.call("GET", f"/api/v1/reports/{report_id}").require(200)
        question_id = str(uuid4())
        context = Context(self.municipality, "question", question_id, "reporter")
        said, digest = committed(question)
        body = {
            "version": shown["version"],
            "questionId": question_id,
            "digest": digest,
            "sealedQuestion": encode(seal_text(said, decode(shown["reporterPublicKey"]), context)),
            "sealedCopy": self._sealed(
                said, shown["key"], "question-copy", f"{report_id}/{question_id}"
            ).model_dump(mode="json", by_alias=True),
        }
        return self._act(report_id, "questions", body)

    def _sealed(self, text: str, key: Mapping[str, str], compartment: str, subject: str) -> SealedContent:
        recipient = Recipient(key["group"], key["keyId"], decode(key["publicKey"]))
        return seal_content(
            text.encode(),
            [recipient],
            municipality=self.municipality,
            compartment=compartment,
            subject=subject,
        )

    def _act(self, report_id: str, action: str, body: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
        answered: dict[str, Any] = self.call("POST", f"/api/v1/reports/{report_id}/{action}", body).require(
            201
        )
        return answered

    def read_mailbox(self, receipt: str) -> dict[str, Any]:
        """What is behind a receipt; `questions` with their text opened."""
        mailbox = mailbox_of(parse_receipt(receipt))
        found: dict[str, Any] = self.call(
            "POST", "/api/v1/mailboxes/_search", {"lookupId": mailbox.lookup_id}
        ).require(200)
        for question in found["questions"]:
            question["text"] = self._opened(question, mailbox)
            question["signerPin"] = found["signerPin"]
        return found

    def reply(self, receipt: str, question: Mapping[str, Any], text: str) -> None:
        """Answer a question of `read_mailbox`; raises `NotVouched` when its key is not the municipality's."""
        mailbox = mailbox_of(parse_receipt(receipt))
        question_id, reply_id = question["questionId"], str(uuid4())
        key = GroupKey.model_validate(question["replyKey"])
        signers = [Signer.model_validate(each) for each in question["signers"]]
        require_pinned_key(self.municipality, key, signers, question["signerPin"], mailbox.pin_key)
        sealed = self._sealed(text, question["replyKey"], "reply", question_id)
        statement = reply_statement(self.municipality, question_id, reply_id, sealed)
        body = {
            "lookupId": mailbox.lookup_id,
            "questionId": question_id,
            "replyId": reply_id,
            "sealedReply": sealed.model_dump(mode="json", by_alias=True),
            "signature": mailbox.signing.sign(statement),
        }
        self.call("POST", "/api/v1/mailboxes/_reply", body).require(201)

    def _opened(self, question: Mapping[str, Any], mailbox: Mailbox) -> str:
        context = Context(self.municipality, "question", question["questionId"], "reporter")
        said = open_text(decode(question["sealedQuestion"]), mailbox.private_key, context)
        return question_of(said, question["digest"])

    def open_with(self, town: DemoTown, report_id: str, compartment: str) -> list[str]:
        """What is sealed in a compartment of a report, opened with the town's own key."""
        opening = self.call("POST", f"/api/v1/reports/{report_id}/openings", {"purpose": "quality"}).require(
            201
        )
        texts = []
        for each in opening["sealed"]:
            if each["compartment"] == compartment:
                sealed = SealedContent.model_validate(each["sealed"])
                wrap = sealed.wraps[0]
                opened = open_content(
                    sealed,
                    wrap.key_id,
                    town.key_pair(wrap.group).private,
                    municipality=self.municipality,
                    compartment=compartment,
                    subject=_bound_to(report_id, compartment, each["subject"]),
                )
                said = opened.decode()
                texts.append(question_of(said, each["digest"]) if compartment == "question-copy" else said)
        return texts


def _bound_to(report_id: str, compartment: str, subject: str) -> str:
    """What a sealed content of a report is bound to (docs/sealing.md)."""
    return {"content": report_id, "reply": subject}.get(compartment, f"{report_id}/{subject}")


def _asked(request: urllib.request.Request) -> Answer:
    try:
        with OPENER.open(request, timeout=30) as answer:
            return _read(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as error:
        return _read(error.code, error.read(), dict(error.headers))


def _read(status: int, raw: bytes, sent: Mapping[str, str]) -> Answer:
    headers = {name.lower(): value for name, value in sent.items()}
    try:
        return Answer(status, json.loads(raw), headers)
    except ValueError:
        return Answer(status, raw, headers)
