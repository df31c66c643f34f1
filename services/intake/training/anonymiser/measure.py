"""Measure the anonymiser against its aims and print each figure beside its aim.

    python services/intake/training/anonymiser/measure.py [labelled.jsonl:part …]

Always on our own held-out reports (made from sentences and names that the model never saw, and written by hand), and
on every labelled file given, when it is there. A figure is of spans: *found* shares a character with one of the same type, *sealed* has every
letter and digit covered, whatever the type.
"""

import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intake.anonymiser import anonymise
from reports import Maker
from written import written_reports

Labelled = dict[str, Any]
_SEED, _REPORTS = 7, 400
#: What every structured type must reach; plates are judged apart, with the foreign and partial ones among them.
_STRUCTURED = [
    "ADRES",
    "BSN",
    "DOCUMENT",
    "EMAIL",
    "GEBOORTEDATUM",
    "IBAN",
    "IP",
    "KENTEKEN",
    "KVK",
    "POSTCODE",
    "SOCIAL",
    "TELEFOON",
]
_HOSTILE = {
    "letters": "a" * 5000, "digits": "1" * 5000, "digit-space": "1 " * 2500, "06-": "06-" * 1666, "A.": "A." * 2500,
    "@": "a@" * 2500, "a.": "a." * 2500, "van de": "van de " * 714, "NL12": "NL12 " * 1000, "Jan": "Jan " * 1250,
    "names": "Jan de Vries, " * 357, "cue": "noemt ook wel " * 357, "http": "http://" * 714, "spaces": " " * 5000,
    "::": "a:" * 2500, "plates": "12-AB-34 " * 555, "+31": "+31 6 " * 833, "accounts": "ab12" + "cd34 " * 999,
    "streets": "Kerkstraat " * 454, "unknown": "xqzw " * 1000, "initials": "J.K. de " * 625,
}  # fmt: skip


@dataclass
class Tally:
    """Counts over one labelled set."""

    gold: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    sealed: int = 0
    reports: int = 0
    without_leak: int = 0
    leaking_doubted: int = 0
    others_doubted: int = 0
    others: int = 0
    others_covered: int = 0
    same: list[int] = field(default_factory=lambda: [0, 0])
    different: list[int] = field(default_factory=lambda: [0, 0])


def own_reports() -> list[Labelled]:
    """The held-out reports; the same every time."""
    maker = Maker("heldout", _SEED, 1)
    made = (maker.report(number) for number in range(_REPORTS))
    return [{"text": r.text, "spans": r.spans, "case": r.case} for r in made]


def count(reports: Iterable[Labelled]) -> Tally:
    """Anonymise each report and compare with its labels."""
    tally = Tally()
    for report in reports:
        result = anonymise(report["text"])
        _compare(tally, report, [span._asdict() for span in result.spans], result.is_doubtful)
    return tally


def _compare(tally: Tally, report: Labelled, predicted: list[Labelled], is_doubtful: bool) -> None:
    text, gold = report["text"], report["spans"]
    ignored = report.get("ignore", [])
    predicted = [
        p for p in predicted if any(_meet(p, g) for g in gold) or not any(_meet(p, i) for i in ignored)
    ]
    covered = _cover(text, predicted)
    leaks = 0
    for span in gold:
        kinds = [span["type"], *_sub_kinds(span, report)]
        hit = any(p["type"] == span["type"] and _meet(p, span) for p in predicted)
        sealed = all(covered[n] for n in range(span["start"], span["end"]) if text[n].isalnum())
        for kind in kinds:
            tally.gold[kind] += 1
            tally.found[kind] += hit
        tally.sealed += sealed
        leaks += not sealed
    for p in predicted:
        tally.predicted[p["type"]] += 1
        tally.right[p["type"]] += any(p["type"] == g["type"] and _meet(p, g) for g in gold)
    tally.reports += 1
    tally.without_leak += not leaks
    tally.leaking_doubted += bool(leaks) and is_doubtful
    tally.others_doubted += not leaks and is_doubtful
    personal = _cover(text, [*gold, *ignored])
    outside = [n for n, char in enumerate(text) if char.isalnum() and not personal[n]]
    tally.others += len(outside)
    tally.others_covered += sum(covered[n] for n in outside)
    _count_pairs(tally, gold, predicted)


def _sub_kinds(span: Labelled, report: Labelled) -> list[str]:
    if span["type"] == "KENTEKEN" and span.get("sub") == "buitenlands":
        return ["foreign plates"]
    if span["type"] != "PERSOON":
        return []
    if span.get("sub") == "nick":
        return ["nicknames"]
    return ["lower-case names"] if report.get("case") == "lower" else []


def _count_pairs(tally: Tally, gold: list[Labelled], predicted: list[Labelled]) -> None:
    labels = []
    for g in gold:
        given = [p["placeholder"] for p in predicted if p["type"] == g["type"] and _meet(p, g)]
        if given and "eid" in g and g.get("sub") != "nick":
            labels.append((g["type"], g["eid"], given[0]))
    for at, (kind, entity, placeholder) in enumerate(labels):
        for other_kind, other_entity, other in labels[:at]:
            if kind == other_kind:
                pair = tally.same if entity == other_entity else tally.different
                pair[0] += placeholder == other
                pair[1] += 1


def _meet(one: Labelled, other: Labelled) -> bool:
    return bool(one["start"] < other["end"] and other["start"] < one["end"])


def _cover(text: str, spans: Iterable[Labelled]) -> bytearray:
    covered = bytearray(len(text))
    for span in spans:
        covered[span["start"] : span["end"]] = b"\1" * (span["end"] - span["start"])
    return covered


def rows(tally: Tally) -> list[tuple[str, str, str, bool]]:
    """Each figure of quality: its name, value, aim, and whether the aim is met."""

    def recall(kind: str) -> float:
        return tally.found[kind] / tally.gold[kind] if tally.gold[kind] else 1.0

    def precision(kind: str) -> float:
        return tally.right[kind] / tally.predicted[kind] if tally.predicted[kind] else 1.0

    result = [_row(f"{k} recall", recall(k), 0.995) for k in _STRUCTURED if tally.gold[k]]
    result += [_row(f"{k} precision", precision(k), 0.99) for k in _STRUCTURED if tally.predicted[k]]
    if tally.gold["foreign plates"]:
        result.append(_row("foreign plates recall", recall("foreign plates"), 0.95))
    result += [
        _row("PERSOON recall", recall("PERSOON"), 0.98),
        _row("PERSOON precision", precision("PERSOON"), 0.92),
    ]
    result += [
        _row("lower-case names recall", recall("lower-case names"), 0.93),
        _row("nicknames recall", recall("nicknames"), 0.85),
    ]
    result.append(
        _row(
            "spans sealed",
            tally.sealed / max(1, sum(tally.gold[k] for k in (*_STRUCTURED, "PERSOON"))),
            0.985,
        )
    )
    result.append(_row("reports without a leak", tally.without_leak / tally.reports, 0.90))
    leaking = tally.reports - tally.without_leak
    result += [
        _row("reports with a leak that are doubted", tally.leaking_doubted / max(1, leaking), 0.5),
        _row("others that are doubted", tally.others_doubted / tally.without_leak, 0.10, at_most=True),
    ]
    result.append(_row("over-redaction", tally.others_covered / max(1, tally.others), 0.015, at_most=True))
    result.append(_row("same value, same placeholder", tally.same[0] / max(1, tally.same[1]), 0.93))
    result.append(_row("wrong merge", tally.different[0] / max(1, tally.different[1]), 0.01, at_most=True))
    return result


def _row(
    name: str, value: float, aim: float, *, at_most: bool = False, digits: int = 4
) -> tuple[str, str, str, bool]:
    is_met = value <= aim if at_most else value >= aim
    return (
        name,
        f"{value:.{digits}g}" if at_most and value > 1 else f"{value:.3f}",
        f"{'≤' if at_most else '≥'} {aim:g}",
        is_met,
    )


def speed(texts: list[str]) -> list[tuple[str, str, str, bool]]:
    """Milliseconds of processor time a report, and of the worst hostile text."""
    for text in texts[:50]:
        anonymise(text)
    taken = sorted(_milliseconds(text) for text in texts)
    hostile = {name: min(_milliseconds(text) for _ in range(2)) for name, text in _HOSTILE.items()}
    worst = max(hostile, key=lambda name: hostile[name])
    return [
        _row("ms a report, p50", taken[len(taken) // 2], 1.5, at_most=True, digits=3),
        _row("ms a report, p99", taken[int(len(taken) * 0.99)], 10, at_most=True, digits=3),
        _row(f"ms worst hostile text ({worst})", hostile[worst], 60, at_most=True, digits=3),
    ]


def _milliseconds(text: str) -> float:
    started = time.process_time()
    anonymise(text)
    return (time.process_time() - started) * 1e3


def process() -> list[tuple[str, str, str, bool]]:
    """Seconds until a fresh process has answered one report, and its resident memory."""
    started = time.perf_counter()
    line = json.dumps({"id": 1, "text": "Bel Jan de Vries op 06-12345678."})
    subprocess.run(
        [sys.executable, "-m", "intake", "anonymise"], input=line, text=True, check=True, capture_output=True
    )
    seconds = time.perf_counter() - started
    resident = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [_row("load seconds", seconds, 2, at_most=True), _row("resident MiB", resident, 250, at_most=True)]


def main(paths: list[str]) -> None:
    """Print the table of every set that is there."""
    own = own_reports()
    fixed = [*process(), *speed([report["text"] for report in own])]
    _print("own held-out reports, made", [*rows(count(own)), *fixed])
    written = written_reports("heldout")
    _print(
        "own held-out reports, written", [*rows(count(written)), *speed([each["text"] for each in written])]
    )
    for path in paths:
        name, _, part = path.rpartition(":")
        if not Path(name).exists():
            print(f"\n{name} is not here; skipped.")
            continue
        lines = [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]
        chosen = [line for line in lines if line.get("part") == part]
        _print(f"{name}, part {part}", [*rows(count(chosen)), *speed([line["text"] for line in chosen])])


def _print(title: str, table: list[tuple[str, str, str, bool]]) -> None:
    print(f"\n{title}")
    for name, value, aim, is_met in table:
        print(f"  {name:36} {value:>8}   {aim:>8}   {'met' if is_met else 'NOT MET'}")


if __name__ == "__main__":
    main(sys.argv[1:])
