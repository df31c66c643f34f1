"""What a municipality asks, as intake tells it, and its words in the visitor's language."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from common.auth import Identity
from common.contracts.base import WireModel
from common.errors import AppError, Unavailable
from pydantic import ValidationError

from gateway.rendering import Catalogue, Language
from gateway.upstream import ServiceClient

ANONYMOUS = "anoniem"
ONE_PER_PAGE = "one-per-page"
SIGNED_IN, INVITED = "signed-in", "invited"
YES_NO_UNKNOWN = ("ja", "nee", "weet-ik-niet")
ACUTE = "acuut"
_FRESH_SECONDS = 10.0
_MOST_KEPT = 500
_MIB = 1024 * 1024
_RANGE = re.compile(r"(\d+)-(\d+)")

Given = Mapping[str, str | tuple[str, ...]]  # answers by question code


class Question(WireModel):
    """One question; it is asked only if every answer in `show_when` holds."""

    code: str
    label: str
    kind: str
    options: tuple[str, ...] = ()
    is_required: bool = False
    help_text: str = ""
    show_when: Mapping[str, str] = {}
    option_labels: Mapping[str, str] = {}  # of options that do not read like their code

    def is_asked(self, given: Given) -> bool:
        """Do the answers call for this question?"""
        return all(_has(given.get(code), wanted) for code, wanted in self.show_when.items())

    @property
    def choices(self) -> tuple[str, ...]:
        """The codes to choose from."""
        return YES_NO_UNKNOWN if self.kind == "ja_nee_weetniet" else self.options


class UrgencyRule(WireModel):
    """When every answer holds, the report is this urgent."""

    when: Mapping[str, str]
    urgency: str
    explanation: str = ""


class SignalType(WireModel):
    """A kind of sign: what to look for, and what to ask."""

    code: str
    name: str
    description: str
    indicators: tuple[str, ...] = ()
    indicators_by_role: Mapping[str, tuple[str, ...]] = {}
    questions: tuple[Question, ...] = ()
    urgency_rules: tuple[UrgencyRule, ...] = ()
    safety_tip: str = ""
    needs_name: bool = False

    @property
    def acute_rules(self) -> tuple[UrgencyRule, ...]:
        """The rules that say: call 112."""
        return tuple(rule for rule in self.urgency_rules if rule.urgency == ACUTE)

    def acute_rule(self, given: Given) -> UrgencyRule | None:
        """The rule by which these answers are a matter for 112, if any; one with a sentence goes first."""
        holding = [
            rule
            for rule in self.acute_rules
            if all(_has(given.get(code), wanted) for code, wanted in rule.when.items())
        ]
        return next((rule for rule in holding if rule.explanation), holding[0] if holding else None)


class OutOfScope(WireModel):
    """Something for another address than the municipality's."""

    code: str
    name: str
    redirect: str


class FilesOffered(WireModel):
    """What may go along with a report."""

    max_count: int
    max_photo_bytes: int
    max_pdf_bytes: int
    media_types: tuple[str, ...]

    @property
    def largest_bytes(self) -> int:
        """No file may be larger."""
        return max(self.max_photo_bytes, self.max_pdf_bytes)

    @property
    def max_photo_mb(self) -> int:
        """For a person to read."""
        return self.max_photo_bytes // _MIB

    @property
    def max_pdf_mb(self) -> int:
        """For a person to read."""
        return self.max_pdf_bytes // _MIB


class Neighbourhood(WireModel):
    """A part of the municipality: the code travels, the name is for people."""

    code: str
    name: str


class Forms(WireModel):
    """Everything that a municipality asks of this visitor."""

    version: int
    signal_types: tuple[SignalType, ...]
    general_questions: tuple[Question, ...] = ()
    reporter_kinds: tuple[str, ...] = ()
    out_of_scope: tuple[OutOfScope, ...] = ()
    files: FilesOffered | None = None  # None from an intake that takes no files yet
    form_layout: str = ""
    who_may_report: str = ""
    modes: tuple[str, ...] = ()  # how a reporter may stand behind a report
    neighbourhoods: tuple[Neighbourhood, ...] = ()  # none: any text will do
    location_types: tuple[str, ...] = ()

    @property
    def is_paged(self) -> bool:
        """One question a page?"""
        return self.form_layout == ONE_PER_PAGE

    @property
    def is_for_invited(self) -> bool:
        """Does who did not sign in need a code?"""
        return self.who_may_report == INVITED

    @property
    def is_for_signed_in(self) -> bool:
        """Are reports taken only from who signed in?"""
        return self.who_may_report == SIGNED_IN

    def modes_for(self, kind: SignalType) -> tuple[str, ...]:
        """The modes that this signal type leaves open."""
        return tuple(mode for mode in self.modes if not (kind.needs_name and mode == ANONYMOUS))

    def questions_of(self, kind: SignalType) -> dict[str, Question]:
        """Every question of this form, by code."""
        return {each.code: each for each in (*kind.questions, *self.general_questions)}

    def find(self, code: str) -> SignalType | None:
        """The signal type with this code."""
        return next((each for each in self.signal_types if each.code == code), None)


class FormsAway(Unavailable):
    """Intake does not tell what is asked, and never told it since this process started."""

    code = "forms-away"


@dataclass
class FormsSource:
    """Asks intake, and remembers for a moment; while intake is away the last answer still serves."""

    services: ServiceClient
    clock: Callable[[], float] = time.monotonic
    _kept: dict[tuple[str, bool], tuple[float, Forms]] = field(default_factory=dict)
    _kept_then: dict[tuple[str, bool, str, int], Forms] = field(default_factory=dict)

    async def forms(self, identity: Identity) -> Forms:
        """What this visitor is asked; raises `FormsAway` when nobody ever told.

        An API key that is bound to types or a kind of reporter is asked less; that is kept for nobody.
        """
        if identity.signal_types is not None or identity.reporter_kind is not None:
            return await self._ask(identity)
        place = (identity.municipality, identity.is_professional)
        asked_at, kept = self._kept.get(place, (0.0, None))
        if kept is not None and self.clock() - asked_at < _FRESH_SECONDS:
            return kept
        if kept is not None:  # one asks; who comes meanwhile gets what is known
            self._kept[place] = (self.clock(), kept)
        try:
            found = await self._ask(identity)
        except AppError:
            if kept is not None:
                return kept
            raise
        self._kept[place] = (self.clock(), found)
        return found

    async def _ask(self, identity: Identity) -> Forms:
        try:
            status, told = await self.services.call(identity, "intake", "GET", "/api/v1/signal-types")
            if status != 200:
                raise Unavailable("The forms cannot be read now.")
            return Forms.model_validate(told)
        except (AppError, ValidationError) as error:
            raise FormsAway("The forms cannot be read now.") from error

    async def forms_then(self, identity: Identity, signal_type: str, version: int) -> Forms:
        """What the reporter of a report was asked: one type and the general questions, as they were.

        They never change, so they are remembered. Raises `Unavailable`.
        """
        place = (identity.municipality, identity.is_professional, signal_type, version)
        kept = self._kept_then.get(place)
        if kept is not None:
            return kept
        path = f"/api/v1/signal-types/{signal_type}/versions/{version}"
        status, told = await self.services.call(identity, "intake", "GET", path)
        try:
            if status != 200:
                raise Unavailable("The form of then cannot be read now.")
            found = Forms.model_validate({**told, "signalTypes": [told["signalType"]]})
        except (ValidationError, TypeError, KeyError) as error:
            raise Unavailable("The form of then cannot be read now.") from error
        if len(self._kept_then) >= _MOST_KEPT:
            self._kept_then.clear()
        self._kept_then[place] = found
        return found


@dataclass(frozen=True)
class Words:
    """The words of forms. Intake speaks Dutch; another language has its own by code, where it has them."""

    catalogue: Catalogue

    def of(self, *path: str, dutch: str) -> str:
        """The words under a path of codes, else the Dutch."""
        key = ".".join(("forms", *path))
        if self.catalogue.language != Language.DUTCH and self.catalogue.has(key):
            return str(self.catalogue.text(key))
        return dutch

    def code(self, kind: str, code: str) -> str:
        """The words of an answer or a reporter kind: from the catalogue, else read from the code."""
        key = f"answers.{kind}.{code}"
        return str(self.catalogue.text(key)) if self.catalogue.has(key) else self._read(code)

    def hint(self, kind: str, code: str) -> str | None:
        """What an answer means, where the catalogue tells it."""
        key = f"answers.{kind}_hint.{code}"
        return str(self.catalogue.text(key)) if self.catalogue.has(key) else None

    def _read(self, code: str) -> str:
        until = str(self.catalogue.text("report.until"))
        if match := _RANGE.fullmatch(code):
            return f"{match[1]} {until} {match[2]}"
        words = code.replace("-", " ").replace("_", " ")
        return words[:1].upper() + words[1:]


def _has(answer: str | tuple[str, ...] | None, wanted: str) -> bool:
    return wanted in answer if isinstance(answer, tuple) else answer == wanted
