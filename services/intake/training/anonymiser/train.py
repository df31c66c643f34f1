"""Train the two name models from the sentences in this folder; the same seed gives the same weights.

    python services/intake/training/anonymiser/train.py [reports] [epochs]

Logistic regression with AdaGrad over the features of ``intake.anonymiser.tagging``. A quarter of the names loses
its marks of the lists while training, so that the model learns to find names that no list has.
"""

import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path

from intake.anonymiser import doubting, tagging
from intake.anonymiser.patience import Patience
from intake.anonymiser.reading import Reading
from intake.anonymiser.structured import find_structured
from intake.anonymiser.tokens import Token, chance_of, mode_of, read_tokens
from reports import Maker, Report
from written import written_reports

MODELS = Path(tagging.__file__).parent / "model"
_SEED = 20_261_125
#: How often each report written by hand is learnt, among the thousands that are made.
_COPIES = 15
Example = tuple[list[str], bool]


def examples(report: Report, chance: random.Random) -> Iterator[Example]:
    """What one report teaches: each candidate word, and each run of particles in front of a name."""
    reading = Reading(report.text)
    tokens = read_tokens(reading, find_structured(reading, Patience()))
    named = [_is_named(token, report) for token in tokens]
    tokens = _forget_some(tokens, named, chance)
    mode = mode_of(tokens)
    last, was_name = 0, False
    for at in tagging.candidates(tokens, mode):
        previous = "N" if was_name and tagging.joins(tokens, last + 1, at) else "O"
        yield list(tagging.features(tokens, at, mode, previous)), named[at]
        last, was_name = at, named[at]
    for at in range(1, len(tokens)):
        if named[at] and "p" not in tokens[at].kind and "p" in tokens[at - 1].kind:
            yield from _particles(tokens, named, at)


def _particles(tokens: Sequence[Token], named: Sequence[bool], at: int) -> Iterator[Example]:
    first = at
    while (
        first > 0 and at - first < 4 and "p" in tokens[first - 1].kind and tokens[first - 1].kind[0].isalpha()
    ):
        first -= 1
    inside = at
    while inside > first and named[inside - 1]:
        inside -= 1
    for start in {first, inside} - {at}:
        before = "N" if start > 0 and named[start - 1] else "O"
        yield list(tagging.particle_features(tokens, start, at, before)), start == inside


def _is_named(token: Token, report: Report) -> bool:
    return any(
        span["type"] == "PERSOON" and int(span["start"]) < token.end and token.start < int(span["end"])
        for span in report.spans
    )


def _forget_some(tokens: Sequence[Token], named: Sequence[bool], chance: random.Random) -> list[Token]:
    forgotten = {
        t.low for t, is_named in zip(tokens, named, strict=True) if is_named and chance.random() < 0.25
    }
    return [_forget(token) if token.low in forgotten else token for token in tokens]


def _forget(token: Token) -> Token:
    """The same word as if no list of names had it."""
    kind = token.kind[0] + token.kind[1:].replace("f", "").replace("s", "")
    return token._replace(kind=kind, chance=chance_of(kind))


def doubt_examples(report: Report) -> Iterator[Example]:
    """What one report teaches the second model: each word as if it had been left, the other names found."""
    reading = Reading(report.text)
    tokens = read_tokens(reading, find_structured(reading, Patience()))
    named = [_is_named(token, report) for token in tokens]
    mode = mode_of(tokens)
    seen = doubting.seen_words(tokens, named)
    for at in doubting.left_words(tokens, [False] * len(tokens), mode):
        yield list(doubting.surroundings(tokens, seen, at, mode)), named[at]


def fit(data: list[Example], epochs: int) -> dict[str, float]:
    """Weights by feature; features seen once are left out."""
    counts = Counter(feature for seen, _ in data for feature in seen)
    names = {feature: n for n, feature in enumerate(f for f, c in counts.items() if c > 1)}
    rows = [([names[f] for f in seen if f in names], is_name) for seen, is_name in data]
    weights, squares = [0.0] * len(names), [1e-3] * len(names)
    chance = random.Random(_SEED)
    for _ in range(epochs):
        chance.shuffle(rows)
        for row, is_name in rows:
            error = is_name - tagging.probability(sum(weights[n] for n in row))
            if abs(error) < 0.02:
                continue
            for n in row:
                gradient = error - 1e-4 * weights[n]
                squares[n] += gradient * gradient
                weights[n] += 0.25 * gradient / sqrt(squares[n])
    return {feature: round(weights[n], 3) for feature, n in names.items() if abs(weights[n]) >= 0.02}


def main(reports: int, epochs: int) -> None:
    """Make the reports, learn from them, write both models."""
    maker, chance = Maker("sentences", _SEED, 0, swap=0.25), random.Random(_SEED)
    made = [maker.report(n) for n in range(reports)] + _written()
    _write("weights.json.gz", [example for report in made for example in examples(report, chance)], epochs)
    doubts = [example for report in made for example in doubt_examples(report)]
    _write(doubting.WEIGHTS_FILE, doubts, epochs - 1)


def _written() -> list[Report]:
    parts = (
        Report(each["id"], "written", each["case"], each["text"], each["spans"])
        for each in written_reports("learn")
    )
    return [report for report in parts for _ in range(_COPIES)]


def _write(name: str, data: list[Example], epochs: int) -> None:
    weights = fit(data, epochs)
    path = MODELS / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(
        gzip.compress(json.dumps(weights, ensure_ascii=False, sort_keys=True, indent=0).encode(), 9, mtime=0)
    )
    print(f"{len(data)} examples, {len(weights)} weights, {path.stat().st_size} bytes in {name}")


if __name__ == "__main__":
    main(*(int(argument) for argument in (sys.argv[1:] + ["16000", "4"][len(sys.argv) - 1 :])))
