"""Invented reports through the front door, and what handlers do with some of them."""

import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from intake.domain import FormSet, QuestionKind
from intake.seed import load_seed

from local.client import Caller
from local.demo import DemoTown

_ROUTED_SECONDS = 60.0
_TAKEN, _ASKED, _ANSWERED = "taken", "asked", "answered"


@dataclass(frozen=True)
class Sample:
    """One invented report and its fate."""

    kind: str
    text: str
    neighbourhood: str
    reporter_kind: str = "inwoner"
    mail: str | None = None
    channel: str | None = None
    fate: str = "new"
    question: str = ""
    reply: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """A sample that was accepted, and what became of it."""

    sample: Sample
    receipt: str
    urgency: str
    report_id: str
    department: str
    status: str


def load_samples() -> list[Sample]:
    """Every sample, in the order in which they are sent."""
    document = tomllib.loads(files("local").joinpath("samples.toml").read_text(encoding="utf-8"))
    names = {"type": "kind", "who": "reporter_kind"}
    return [
        Sample(**{names.get(name, name): value for name, value in each.items()})
        for each in document["report"]
    ]


def body_of(sample: Sample, forms: FormSet, town: DemoTown) -> dict[str, Any]:
    """The report as a client sends it: the sample's own answers, and one for every choice that is asked."""
    kind = forms.signal_types[sample.kind]
    answers: dict[str, Any] = dict(sample.answers)
    for question in (*kind.questions, *forms.general_questions):
        if question.code in answers or question.show_when or question.for_professionals_only:
            continue
        if question.kind is QuestionKind.CHOICE:
            answers[question.code] = question.options[len(sample.text) % len(question.options)]
        elif question.kind is QuestionKind.MULTI_CHOICE:
            answers[question.code] = [question.options[len(sample.text) % len(question.options)]]
        elif question.kind is QuestionKind.YES_NO_UNKNOWN:
            answers[question.code] = "weet-ik-niet"
    return {
        "signalType": sample.kind,
        "description": sample.text,
        "neighbourhood": town.neighbourhood(sample.neighbourhood),
        "reporterKind": sample.reporter_kind,
        "answers": answers,
        **({"contact": {"mail": sample.mail}} if sample.mail else {}),
        **({"channel": sample.channel} if sample.channel else {}),
    }


def send_samples(url: str, town: DemoTown, say: Callable[[str], None]) -> list[Sent]:
    """Send every sample, let the demo's handlers work on some, and tell what became of each."""
    forms, samples = load_seed(), load_samples()
    front = Caller(url, town.code)
    desk = front.sign_in(town.person("karim"))
    manager = front.sign_in(town.person("amina"))
    known = set(lines_of(manager))
    accepted: list[tuple[Sample, dict[str, Any], dict[str, Any]]] = []
    for sample in samples:
        door = desk if sample.channel else front
        before = known | {sent["id"] for _, _, sent in accepted}
        answer = door.report(body_of(sample, forms, town))
        accepted.append((sample, answer, newest_line(manager, before)))
        if len(accepted) % 10 == 0:
            say(f"{len(accepted)} of {len(samples)} reports are sent and routed …")
    say("Handlers take, ask, answer and close some of them …")
    return [_sent(front, manager, sample, answer, line) for sample, answer, line in accepted]


def newest_line(manager: Caller, before: set[str]) -> dict[str, Any]:
    """The line of the work list that was not there before."""
    until = time.monotonic() + _ROUTED_SECONDS
    while True:
        fresh = [line for own_id, line in lines_of(manager).items() if own_id not in before]
        if fresh:
            return fresh[0]
        if time.monotonic() > until:
            raise RuntimeError("a sample report was accepted but did not reach the work list in time")
        time.sleep(0.05)


def lines_of(manager: Caller) -> dict[str, dict[str, Any]]:
    lines: dict[str, dict[str, Any]] = {}
    for status in ("open", "closed"):
        cursor = ""
        while True:
            page = manager.call("GET", f"/api/v1/reports?status={status}&limit=100{cursor}").require(200)
            lines |= {line["id"]: line for line in page["reports"]}
            if not page["next"]:
                break
            cursor = f"&cursor={page['next']}"
    return lines


def _sent(
    front: Caller, manager: Caller, sample: Sample, answer: Mapping[str, Any], line: Mapping[str, Any]
) -> Sent:
    status = _meet_fate(front, manager, sample, answer["receipt"], line["id"])
    return Sent(sample, answer["receipt"], answer["urgency"], line["id"], line["department"] or "-", status)


def _meet_fate(front: Caller, manager: Caller, sample: Sample, receipt: str, report_id: str) -> str:
    if sample.fate == "new":
        return "new"
    taken = manager.take(report_id, 1)
    if sample.fate == _TAKEN:
        return str(taken["status"])
    moved = manager.move(report_id, taken["version"], "in-progress")
    if sample.fate not in {_ASKED, _ANSWERED}:
        manager.close(report_id, moved["version"], sample.fate)
        return f"closed: {sample.fate}"
    asked = manager.ask(report_id, sample.question)
    if sample.fate == _ASKED:
        return str(asked["status"])
    question = _question(front, receipt)
    front.reply(receipt, question, sample.reply)
    return "in-progress, with a reply"


def _question(front: Caller, receipt: str) -> Mapping[str, Any]:
    until = time.monotonic() + _ROUTED_SECONDS
    while time.monotonic() < until:
        questions: Sequence[Mapping[str, Any]] = front.read_mailbox(receipt)["questions"]
        if questions:
            return questions[0]
        time.sleep(0.05)
    raise RuntimeError("a question did not reach its mailbox in time")
