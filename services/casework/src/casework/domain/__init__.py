"""What casework decides: which desk, by when, which move is permitted, and what the reporter hears."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from common.coarse import CoarseTime, coarse

ZONE = ZoneInfo("Europe/Amsterdam")
URGENCIES = ("acuut", "hoog", "normaal", "laag")

#: Working hours within which a report must be assessed. A working day has eight, from 9 to 17 o'clock.
WORKING_HOURS = {"acuut": 1, "hoog": 8, "normaal": 40, "laag": 80}
_OPENS, _CLOSES = time(9), time(17)

NEW, ASSESSING, IN_PROGRESS = "new", "assessing", "in-progress"
FOR_REPORTER, FOR_PARTNER = "waiting-for-reporter", "waiting-for-partner"
CLOSED, REOPENED = "closed", "reopened"

#: The moves that a handler may ask for. Taking, asking, closing and reopening have doors of their own.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    NEW: (),
    ASSESSING: (IN_PROGRESS,),
    IN_PROGRESS: (FOR_REPORTER, FOR_PARTNER),
    FOR_REPORTER: (IN_PROGRESS,),
    FOR_PARTNER: (IN_PROGRESS,),
    CLOSED: (),
    REOPENED: (),
}
STATUSES = tuple(TRANSITIONS)
_AFTER_TAKING = {NEW: ASSESSING, REOPENED: ASSESSING}
_AFTER_REPLY = {FOR_REPORTER: IN_PROGRESS, CLOSED: IN_PROGRESS}
_CLOSABLE = frozenset({ASSESSING, IN_PROGRESS, FOR_REPORTER, FOR_PARTNER})

_FEEDBACK = {
    "not-undermining": "closed-not-undermining",
    "too-little-information": "closed-too-little-information",
    "duplicate": "closed-duplicate",
    "not-municipal": "closed-not-municipal",
    "recorded": "closed-recorded",
    "supervision": "closed-followed-up",
    "administrative-measure": "closed-followed-up",
    "to-police": "closed-passed-on",
    "to-riec": "closed-passed-on",
    "to-partner": "closed-passed-on",
    "care": "closed-care",
    "incorrect": "closed-incorrect",
}

#: The results of closing with their Dutch and English names.
RESULTS: Mapping[str, tuple[str, str]] = {
    "not-undermining": ("Geen ondermijning, doorverwezen", "Not undermining, redirected"),
    "too-little-information": ("Te weinig informatie", "Too little information"),
    "duplicate": ("Dubbele melding", "Duplicate"),
    "not-municipal": ("Geen taak van de gemeente, doorverwezen", "Not a municipal task, redirected"),
    "recorded": ("Vastgelegd, geen actie", "Recorded, no action"),
    "supervision": ("Opgevolgd door toezicht", "Followed up by supervision"),
    "administrative-measure": ("Bestuurlijke maatregel", "Administrative measure"),
    "to-police": ("Overgedragen aan de politie", "Handed to the police"),
    "to-riec": ("Overgedragen aan het RIEC", "Handed to the RIEC"),
    "to-partner": ("Overgedragen aan een andere partner", "Handed to another partner"),
    "care": ("Zorg of hulp geregeld", "Care or help arranged"),
    "incorrect": ("Onjuist gebleken: overal gewist", "Found incorrect: erased everywhere"),
}

#: The grounds of an erasure with their Dutch and English names. Codes: words would survive what they name.
ERASURE_GROUNDS: Mapping[str, tuple[str, str]] = {
    "not-needed": ("Niet meer nodig (AVG 17.1.a)", "No longer needed (GDPR 17.1.a)"),
    "consent-withdrawn": ("Toestemming ingetrokken (AVG 17.1.b)", "Consent withdrawn (GDPR 17.1.b)"),
    "objection": ("Bezwaar van de betrokkene (AVG 17.1.c)", "The person objects (GDPR 17.1.c)"),
    "unlawful": ("Onrechtmatig verwerkt (AVG 17.1.d)", "Unlawfully processed (GDPR 17.1.d)"),
    "legal-duty": ("Wettelijke plicht om te wissen (AVG 17.1.e)", "Legal duty to erase (GDPR 17.1.e)"),
    "incorrect": ("Onjuist gebleken (AVG 5.1.d)", "Found incorrect (GDPR 5.1.d)"),
    "term-ended": ("Bewaartermijn voorbij (AVG 5.1.e)", "Retention term ended (GDPR 5.1.e)"),
    "other": ("Anders", "Other"),
}

#: What a routing rule may look at.
CONDITIONS = ("signalType", "urgency", "neighbourhood", "reporterKind", "channel")


@dataclass(frozen=True)
class Rule:
    """When every condition holds (one of its values each), the report goes to this department."""

    name: str
    department: str
    when: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Fault:
    """What is wrong with something that was given, and where."""

    pointer: str
    code: str
    dutch: str
    english: str


def route(rules: Sequence[Rule], facts: Mapping[str, str | None], catch_all: str) -> Rule:
    """The first rule that holds; the last rule always does, so that no report is without an owner."""
    for rule in rules:
        if all(facts.get(name) in values for name, values in rule.when.items()):
            return rule
    return Rule("catch-all", catch_all, {})


def default_rules(departments_of: Mapping[str, str], departments: frozenset[str]) -> tuple[Rule, ...]:
    """A rule per signal type to the department its author proposes, if the municipality has that desk."""
    return tuple(
        Rule(f"type-{code}", department, {"signalType": (code,)})
        for code, department in departments_of.items()
        if department in departments
    )


def rule_faults(rules: Sequence[Rule], departments: frozenset[str]) -> list[Fault]:
    """Everything that is wrong with a set of rules; empty when nothing is."""
    faults = []
    known = ", ".join(sorted(departments))
    names: set[str] = set()
    for number, rule in enumerate(rules):
        at = f"/rules/{number}"
        if rule.department not in departments:
            faults.append(
                Fault(
                    f"{at}/department",
                    "unknown-department",
                    f"Kies een van: {known}.",
                    f"Choose one of: {known}.",
                )
            )
        if rule.name in names or rule.name == "catch-all":
            faults.append(
                Fault(f"{at}/name", "name-taken", "Geef elke regel een eigen naam.", "Name each rule apart.")
            )
        names.add(rule.name)
        for condition in rule.when.keys() - set(CONDITIONS):
            listed = ", ".join(CONDITIONS)
            faults.append(
                Fault(
                    f"{at}/when/{condition[:64]}",
                    "unknown-condition",
                    f"Kies uit: {listed}.",
                    f"Choose from: {listed}.",
                )
            )
    return faults


def status_after_taking(status: str) -> str:
    """Where a report stands once somebody took it."""
    return _AFTER_TAKING.get(status, status)


def status_after_reply(status: str) -> str:
    """Where a report stands once its reporter answered: never closed, for nobody would see the answer."""
    return _AFTER_REPLY.get(status, status)


def may_close(status: str) -> bool:
    """Whether a report that stands here may be closed."""
    return status in _CLOSABLE


def may_ask(status: str) -> bool:
    """Whether the reporter may be asked something now."""
    return status in {ASSESSING, IN_PROGRESS, FOR_REPORTER, FOR_PARTNER}


def feedback_of(result: str) -> str:
    """Which text the reporter gets when a report is closed with this result."""
    return _FEEDBACK[result]


def is_offered(*, is_restricted: bool, is_traceable: bool) -> bool:
    """Whether partners may be offered this report at all."""
    return not (is_restricted or is_traceable)


def due_at(received_at: CoarseTime, urgency: str) -> CoarseTime:
    """When a report of this urgency must be assessed, in working hours of the Netherlands; UTC.

    It counts from when the report came in here, also when staff heard it elsewhere earlier: a mail that was
    entered a week late would otherwise be overdue before anyone could see it.
    """
    left = timedelta(hours=WORKING_HOURS[urgency])
    at: datetime = received_at.astimezone(ZONE)
    while True:
        opens, closes = _hours_of(at.date())
        if opens is not None and closes is not None and at < closes:
            start = max(at, opens)
            # same zone, same day: wall clock time is elapsed time, as no clock changes in office hours
            if left <= closes - start:
                return coarse(start + left)
            left -= closes - start
        at = datetime.combine(at.date() + timedelta(days=1), time(), ZONE)


def _hours_of(day: date) -> tuple[datetime | None, datetime | None]:
    if day.weekday() >= 5 or day in _holidays(day.year):
        return None, None
    return datetime.combine(day, _OPENS, ZONE), datetime.combine(day, _CLOSES, ZONE)


@lru_cache(maxsize=8)
def _holidays(year: int) -> frozenset[date]:
    """The days on which Dutch town halls are closed, Good Friday apart."""
    easter = _easter(year)
    kings_day = date(year, 4, 27)
    if kings_day.weekday() == 6:
        kings_day = date(year, 4, 26)
    moving = {easter + timedelta(days=days) for days in (0, 1, 39, 49, 50)}
    fixed = {date(year, 1, 1), kings_day, date(year, 5, 5), date(year, 12, 25), date(year, 12, 26)}
    return frozenset(moving | fixed)


def _easter(year: int) -> date:
    """Easter Sunday by the Gregorian computus (Meeus, Jones and Butcher)."""
    century, of_century = divmod(year, 100)
    leap, rest = divmod(century, 4)
    golden = year % 19
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - correction + 15) % 30
    years, days = divmod(of_century, 4)
    weekday = (32 + 2 * rest + 2 * years - epact - days) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
