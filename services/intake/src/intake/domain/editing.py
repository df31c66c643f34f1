"""What is wrong with a form that an administrator edits: everything at once, by JSON Pointer."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from intake.domain.faults import Fault
from intake.domain.forms import URGENCIES, YES_NO_UNKNOWN, General, Question, QuestionKind, SignalType

MOST_TYPES, MOST_QUESTIONS, MOST_OPTIONS, MOST_RULES, MOST_LISTED = 100, 40, 40, 20, 60
MOST_CONDITIONS = 10  # of one question
MOST_FAULTS = 500
_MOST_ALTOGETHER = 60  # answers in one report
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_DEFAULT_ROLE = "inwoner"  # who a reporter is that does not say so
_LONG, _SHORT = 1_000, 300
_CHOOSING = {QuestionKind.CHOICE, QuestionKind.MULTI_CHOICE}


@dataclass(frozen=True)
class _Place:
    """A question and where it stands in the document."""

    pointer: str
    question: Question


def faults_of_type(kind: SignalType, code: str, general: General, *, reserved: str) -> list[Fault]:
    """What is wrong with a signal type that was opened as `code`, beside the general questions."""
    own = [_Place(f"/questions/{index}", each) for index, each in enumerate(kind.questions)]
    every = [*own, *(_Place("", each) for each in general.questions)]
    return _first(
        _bad_type_code(kind.code, code, reserved),
        _texts(
            ("/name", kind.name, _SHORT, True),
            ("/description", kind.description, _LONG, True),
            ("/safetyTip", kind.safety_tip, _LONG, False),
        ),
        _lines("/indicators", kind.indicators),
        _roles(kind, general),
        _codes("/readers", kind.readers),
        _codes("/partners", kind.partners),
        _codes("/department", [kind.department], single=True),
        _question_faults(own, every),
        _urgency_faults(kind, [each.question for each in every]),
    )


def faults_of_general(general: General) -> list[Fault]:
    """What is wrong with the part that every type shares, taken by itself."""
    asked = [_Place(f"/generalQuestions/{index}", each) for index, each in enumerate(general.questions)]
    return _first(
        _question_faults(asked, asked),
        _codes("/reporterRoles", general.reporter_roles),
        _codes("/locationTypes", general.location_types),
        _codes("/outOfScope", [code for code, _, _ in general.out_of_scope], member="/code"),
        _redirects(general),
        _no_default_role(general),
    )


def _first(*sources: Iterable[Fault]) -> list[Fault]:
    """The faults in order; of a form where everything is wrong no more than anybody reads."""
    return list(islice(chain.from_iterable(sources), MOST_FAULTS))


def _redirects(general: General) -> Iterator[Fault]:
    for index, (_, name, redirect) in enumerate(general.out_of_scope):
        yield from _texts(
            (f"/outOfScope/{index}/name", name, _SHORT, True),
            (f"/outOfScope/{index}/redirect", redirect, _SHORT, True),
        )


def _no_default_role(general: General) -> Iterator[Fault]:
    if _DEFAULT_ROLE not in general.reporter_roles:
        yield Fault(
            "/reporterRoles",
            "no-default",
            f"De rol {_DEFAULT_ROLE} moet er zijn: wie niets kiest, is dat.",
            f"The role {_DEFAULT_ROLE} must be there: who chooses nothing is one.",
        )


def _bad_type_code(code: str, opened_as: str, reserved: str) -> Iterator[Fault]:
    if code != opened_as:
        yield Fault(
            "/code",
            "code-changed",
            f"De code blijft {opened_as}: meldingen verwijzen ernaar. Maak een nieuw type voor een andere.",
            f"The code stays {opened_as}: reports point at it. Make a new type for another one.",
        )
    if not _CODE.fullmatch(code) or code == reserved:
        yield _not_a_code("/code")


def _roles(kind: SignalType, general: General) -> Iterator[Fault]:
    for role, lines in kind.indicators_by_role.items():
        pointer = f"/indicatorsByRole/{_escaped(role)}"
        if role not in general.reporter_roles:
            roles = ", ".join(general.reporter_roles)
            yield Fault(pointer, "unknown-role", f"Kies een van: {roles}.", f"Choose one of: {roles}.")
        yield from _lines(pointer, lines)


def _question_faults(own: Sequence[_Place], every: Sequence[_Place]) -> Iterator[Fault]:
    yield from _too_many(own, every)
    own = own[:MOST_QUESTIONS]
    counts = Counter(each.question.code for each in every)
    before: dict[str, Question] = {}
    by_code = {each.question.code: each.question for each in every}
    for place in own:
        question, pointer = place.question, place.pointer
        if not _CODE.fullmatch(question.code):
            yield _not_a_code(f"{pointer}/code")
        if counts[question.code] > 1:
            yield Fault(
                f"{pointer}/code",
                "repeated",
                f"De code {question.code} komt vaker voor, in dit type of in de algemene vragen.",
                f"The code {question.code} is used more than once, in this type or in the general questions.",
            )
        yield from _texts(
            (f"{pointer}/label", question.label, _SHORT, True),
            (f"{pointer}/helpText", question.help_text, _LONG, False),
        )
        yield from _option_faults(question, pointer)
        yield from _condition_faults(question, pointer, before, by_code)
        before[question.code] = question


def _too_many(own: Sequence[_Place], every: Sequence[_Place]) -> Iterator[Fault]:
    if len(own) > MOST_QUESTIONS or len(every) > _MOST_ALTOGETHER:
        pointer = own[0].pointer.rpartition("/")[0] if own else "/questions"
        yield Fault(
            pointer,
            "too-many",
            f"Vraag ten hoogste {MOST_QUESTIONS} dingen, en met de algemene vragen {_MOST_ALTOGETHER}.",
            f"Ask at most {MOST_QUESTIONS} questions, and {_MOST_ALTOGETHER} with the general ones.",
        )


def _option_faults(question: Question, pointer: str) -> Iterator[Fault]:
    if question.kind not in _CHOOSING:
        if question.options:
            yield Fault(
                f"{pointer}/options",
                "no-options-here",
                "Alleen een keuze of meerkeuze heeft opties; laat ze weg.",
                "Only a choice has options; leave them out.",
            )
        return
    if not question.options:
        yield Fault(
            f"{pointer}/options", "missing", "Geef ten minste één optie.", "Give at least one option."
        )
    yield from _codes(f"{pointer}/options", question.options, most=MOST_OPTIONS)
    for code, label in question.option_labels.items():
        place = f"{pointer}/optionLabels/{_escaped(code)}"
        if code not in question.options:
            yield Fault(place, "not-an-option", "Deze optie is er niet.", "There is no such option.")
        yield from _texts((place, label, _SHORT, True))


def _condition_faults(
    question: Question, pointer: str, before: Mapping[str, Question], by_code: Mapping[str, Question]
) -> Iterator[Fault]:
    if len(question.show_when) > MOST_CONDITIONS:
        yield _too_long_a_list(f"{pointer}/showWhen", MOST_CONDITIONS)
    for code, wanted in islice(question.show_when.items(), MOST_CONDITIONS):
        place = f"{pointer}/showWhen/{_escaped(code)}"
        target = by_code.get(code)
        if target is None:
            yield Fault(place, "unknown-question", "Deze vraag bestaat niet.", "There is no such question.")
        elif _leads_back(code, question.code, by_code):
            yield Fault(
                place,
                "cycle",
                "Deze vragen wachten op elkaar, dus niemand krijgt ze ooit.",
                "These questions wait for each other, so nobody is ever asked.",
            )
        elif code not in before:
            yield Fault(
                place,
                "comes-later",
                "Een voorwaarde gaat over een vraag die eerder komt.",
                "A condition is about a question that comes before.",
            )
        if target is not None:
            yield from _wanted_faults(place, target, wanted)


def _leads_back(start: str, end: str, by_code: Mapping[str, Question]) -> bool:
    """Whether the conditions of one question lead to another, by way of any number of others.

    Of a question with too many conditions the first count; it is refused for that already.
    """
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        code = waiting.pop()
        if code == end:
            return True
        if code not in seen and code in by_code:
            seen.add(code)
            waiting += islice(by_code[code].show_when, MOST_CONDITIONS)
    return False


def _wanted_faults(pointer: str, question: Question, wanted: str) -> Iterator[Fault]:
    options = YES_NO_UNKNOWN if question.kind is QuestionKind.YES_NO_UNKNOWN else question.options
    if question.kind not in {*_CHOOSING, QuestionKind.YES_NO_UNKNOWN}:
        yield Fault(
            pointer,
            "not-a-choice",
            "Dit kan alleen gaan over een vraag met keuzes.",
            "This can only be about a question with choices.",
        )
    elif wanted not in options:
        listed = ", ".join(options)
        yield Fault(pointer, "not-an-option", f"Kies een van: {listed}.", f"Choose one of: {listed}.")


def _urgency_faults(kind: SignalType, questions: Sequence[Question]) -> Iterator[Fault]:
    by_code = {each.code: each for each in questions}
    yield from _bad_urgency("/defaultUrgency", kind.default_urgency)
    if len(kind.urgency_rules) > MOST_RULES:
        yield _too_long_a_list("/urgencyRules", MOST_RULES)
    for index, rule in enumerate(kind.urgency_rules):
        pointer = f"/urgencyRules/{index}"
        yield from _bad_urgency(f"{pointer}/urgency", rule.urgency)
        yield from _texts((f"{pointer}/explanation", rule.explanation, _SHORT, False))
        if not rule.when:
            yield Fault(
                f"{pointer}/when", "missing", "Zeg wanneer deze regel geldt.", "Say when this rule holds."
            )
        for code, wanted in rule.when.items():
            place = f"{pointer}/when/{_escaped(code)}"
            if code in by_code:
                yield from _wanted_faults(place, by_code[code], wanted)
            else:
                yield Fault(
                    place, "unknown-question", "Deze vraag bestaat niet.", "There is no such question."
                )


def _bad_urgency(pointer: str, urgency: str) -> Iterator[Fault]:
    if urgency not in URGENCIES:
        listed = ", ".join(URGENCIES)
        yield Fault(pointer, "unknown-urgency", f"Kies een van: {listed}.", f"Choose one of: {listed}.")


def _texts(*texts: tuple[str, str, int, bool]) -> Iterator[Fault]:
    """Texts by pointer, each with its longest length and whether it must be there."""
    for pointer, text, longest, is_needed in texts:
        if is_needed and not text.strip():
            yield Fault(pointer, "missing", "Vul dit in.", "Fill this in.")
        if len(text) > longest:
            yield Fault(
                pointer,
                "too-long",
                f"Maak dit korter dan {longest} tekens.",
                f"Keep this under {longest} characters.",
            )


def _lines(pointer: str, lines: Sequence[str]) -> Iterator[Fault]:
    if len(lines) > MOST_LISTED:
        yield _too_long_a_list(pointer, MOST_LISTED)
    yield from _repeats(pointer, lines)
    yield from _texts(*((f"{pointer}/{index}", line, _SHORT, True) for index, line in enumerate(lines)))


def _codes(
    pointer: str,
    codes: Sequence[str],
    *,
    member: str = "",
    single: bool = False,
    most: int = MOST_LISTED,
) -> Iterator[Fault]:
    if len(codes) > most:
        yield _too_long_a_list(pointer, most)
    yield from _repeats(pointer, codes, member)
    for index, code in enumerate(codes):
        if not _CODE.fullmatch(code):
            yield _not_a_code(pointer if single else f"{pointer}/{index}{member}")


def _repeats(pointer: str, values: Iterable[str], member: str = "") -> Iterator[Fault]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            place = f"{pointer}/{index}{member}"
            yield Fault(place, "repeated", "Dit komt twee keer voor.", "This appears twice.")
        seen.add(value)


def _not_a_code(pointer: str) -> Fault:
    return Fault(
        pointer,
        "not-a-code",
        "Schrijf een code: kleine letters, cijfers, - en _, ten hoogste 64 tekens.",
        "Write a code: lower-case letters, digits, - and _, at most 64 characters.",
    )


def _too_long_a_list(pointer: str, most: int) -> Fault:
    return Fault(pointer, "too-many", f"Geef er ten hoogste {most}.", f"Give at most {most}.")


def _escaped(name: str) -> str:
    return name[:64].replace("~", "~0").replace("/", "~1")
