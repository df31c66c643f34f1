"""The report form as sections of fields: what is asked, what was filled in, and what is wrong with it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.pages.carrying import CHOSEN_FIELD
from gateway.pages.faults import LONGEST_ANSWER, LONGEST_DESCRIPTION, LONGEST_LINE, LONGEST_MAIL, Fault
from gateway.pages.filled import ANSWER_PREFIX, INVITATION_FIELD, LAST_SEEN, MARK_FIELD, Filled
from gateway.pages.questions import ANONYMOUS, Forms, Question, SignalType, Words
from gateway.rendering import Field, Option, Problem, Section
from gateway.rendering.views import Kind

_CHOSEN = frozenset({"choice", "choices", "select"})
_KINDS: Mapping[str, Kind] = {
    "keuze": "choice",
    "ja_nee_weetniet": "choice",
    "meerkeuze": "choices",
    "tekst": "longtext",
    "datum": "date",
    "getal": "number",
}
#: What the gateway itself finds wrong with files; the words are in the catalogue `files`.
_FILE_FAULTS = frozenset({"gone", "too_many", "not_now", "refused"})
#: Told where the page has them as fields of their own.
_ELSEWHERE = {CHOSEN_FIELD, MARK_FIELD}


@dataclass(frozen=True)
class Asking:
    """The form for one signal type, in one language."""

    forms: Forms
    kind: SignalType
    words: Words
    filled: Filled
    faults: tuple[Fault, ...] = ()
    needs_invitation: bool = False

    @property
    def sections(self) -> tuple[Section, ...]:
        """The whole form, in the order in which people tell a story; first who they are, for the signs."""
        general = self.forms.general_questions
        asks_last_seen = any(question.code == LAST_SEEN for question in general)
        when = [self._question(each) for each in general]
        if not asks_last_seen:
            when.insert(0, self._own("observed_on", "date"))
        return (
            self._section("you", self._who()),
            self._section("what", [self._story(), *(self._question(each) for each in self.kind.questions)]),
            self._section("where", self._where()),
            self._section("when", when),
            self._section("contact", self._contact()),
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The error summary: first what is wrong with the whole, then each field in its order."""
        return self.problems_of(field for section in self.sections for field in section.fields)

    def problems_of(self, fields: Iterable[Field]) -> tuple[Problem, ...]:
        """The error summary for a page with these fields; a choice is linked to its first option."""
        fields = tuple(fields)
        known = {*_ELSEWHERE, *(field.name for field in fields)}
        whole = [Problem(self._sentence(fault)) for fault in self.faults if fault.field not in known]
        wrong = (
            Problem(field.error, f"{field.id}-1" if field.kind in {"choice", "choices"} else field.id)
            for field in fields
            if field.error
        )
        files = [Problem(self.files_error, f"field-{CHOSEN_FIELD}")] if self.files_error else []
        marks = [Problem(error, f"field-{MARK_FIELD}")] if (error := self._error(MARK_FIELD)) else []
        return (*whole, *wrong, *files, *marks)

    @property
    def mark(self) -> Field:
        """Where the reporter types what else must be hidden."""
        return replace(self._own(MARK_FIELD), value=self.filled.text(MARK_FIELD))

    @property
    def roles(self) -> list[tuple[str, bool, tuple[str, ...]]]:
        """What each kind of reporter often sees: its code, whether it is this one's, and the signs."""
        chosen = self.filled.text("reporter_kind")
        return [(role, role == chosen, signs) for role, signs in self.kind.indicators_by_role.items()]

    @property
    def takes_files(self) -> bool:
        """May files go along?"""
        return self.forms.files is not None and self.forms.files.max_count > 0

    @property
    def files_error(self) -> str | None:
        """What is wrong with the files, all of it in one line."""
        sentences = [self._sentence(fault) for fault in self.faults if fault.field == CHOSEN_FIELD]
        return " ".join(dict.fromkeys(sentences)) or None

    @property
    def acute_rules(self) -> str:
        """For script, as JSON: the answers by control name that are a matter for 112, with what to say."""
        rules = [
            {
                "when": {ANSWER_PREFIX + code: wanted for code, wanted in rule.when.items()},
                "say": self.explanation(rule.explanation),
            }
            for rule in self.kind.acute_rules
        ]
        return json.dumps(rules, ensure_ascii=False)

    def explanation(self, dutch: str) -> str:
        """What a rule says about urgency, in the visitor's language as far as it is known."""
        return self.words.of("type", self.kind.code, "explanation", dutch=dutch) if dutch else ""

    def _section(self, key: str, fields: Iterable[Field]) -> Section:
        lead = f"report.section.{key}_lead"
        text = self.words.catalogue
        return Section(
            key,
            str(text.text(f"report.section.{key}")),
            tuple(fields),
            str(text.text(lead)) if text.has(lead) else None,
        )

    def _story(self) -> Field:
        return Field(
            "description",
            self._text("description"),
            kind="longtext",
            hint=self._text("description_hint"),
            value=self.filled.text("description"),
            is_required=True,
            error=self._error("description"),
            max_length=LONGEST_DESCRIPTION,
            autocomplete="off",  # a shared computer must not offer it to the next one
            rows=8,
        )

    def _who(self) -> list[Field]:
        if not self.needs_invitation:
            return [self._reporter_kind()]
        code = self._own(INVITATION_FIELD, is_required=True)
        return [code, self._reporter_kind()]

    def _where(self) -> list[Field]:
        fields = [self._own("address"), self._neighbourhood()]
        if self.forms.location_types:
            options = [(code, self.words.code("place", code)) for code in self.forms.location_types]
            fields.append(self._select("location_type", options))
        return [*fields, self._own("pin")]

    def _neighbourhood(self) -> Field:
        if not self.forms.neighbourhoods:
            return self._own("neighbourhood")
        options = [(each.code, each.name) for each in self.forms.neighbourhoods]
        return replace(self._select("neighbourhood", options), hint=self._text("neighbourhood_choice_hint"))

    def _contact(self) -> list[Field]:
        name = self._own("name", is_required=self.kind.needs_name)
        phone, mail = self._own("phone", "tel"), self._own("mail", "email")
        modes = self.forms.modes_for(self.kind)
        if not modes:
            return [mail, name, phone]
        mode = Field(
            "mode",
            self._text("mode"),
            kind="choice",
            value=self.filled.mode(self.kind, self.forms),
            options=tuple(
                Option(code, self.words.code("mode", code), self.words.hint("mode", code)) for code in modes
            ),
            is_required=True,
            error=self._error("mode"),
        )
        named = [code for code in modes if code != ANONYMOUS]
        if ANONYMOUS in modes:
            condition = self._text("by_name_condition")
            shown = json.dumps({"mode": named})
            name, phone = (replace(each, condition=condition, show_when=shown) for each in (name, phone))
        return [mode, name, phone, mail]

    def _select(self, name: str, options: Iterable[tuple[str, str]]) -> Field:
        """A choice that may be left open."""
        own = self._own(name)
        open_choice = Option("", self._text("no_choice"))
        return replace(
            own, kind="select", options=(open_choice, *(Option(*each) for each in options)), max_length=None
        )

    def _own(self, name: str, kind: Kind = "text", *, is_required: bool = False) -> Field:
        hint = f"report.field.{name}_hint"
        has_hint = self.words.catalogue.has(hint)
        return Field(
            name,
            self._text(name),
            kind=kind,
            hint=self._text(f"{name}_hint") if has_hint else None,
            value=self.filled.text(name),
            is_required=is_required,
            error=self._error(name),
            max_length=None if kind == "date" else LONGEST_MAIL if name == "mail" else LONGEST_LINE,
            autocomplete="off",
        )

    def _reporter_kind(self) -> Field:
        kinds = self.forms.reporter_kinds
        return Field(
            "reporter_kind",
            self._text("reporter_kind"),
            kind="select",
            hint=self._text("reporter_kind_hint"),
            value=self.filled.text("reporter_kind") or (kinds[0] if kinds else ""),
            options=tuple(Option(code, self.words.code("kind", code)) for code in kinds),
            is_required=True,
            error=self._error("reporter_kind"),
        )

    def _question(self, question: Question) -> Field:
        name = ANSWER_PREFIX + question.code
        given = self.filled.answers.get(question.code, ())
        kind = _KINDS.get(question.kind, "longtext")
        return Field(
            name,
            self.label(question),
            kind=kind,
            hint=self._hint(question),
            value=given if kind == "choices" else (given[0] if given else ""),
            options=tuple(Option(code, self._choice(question, code)) for code in question.choices),
            is_required=question.is_required,
            error=self._error(name),
            max_length=LONGEST_ANSWER if kind == "longtext" else None,
            autocomplete=None if kind in _CHOSEN else "off",
            rows=3,
            condition=self._condition(question) if question.show_when else None,
            show_when=self._show_when(question) if question.show_when else None,
        )

    def _choice(self, question: Question, code: str) -> str:
        return question.option_labels.get(code) or self.words.code("answer", code)

    def label(self, question: Question) -> str:
        """The question in the visitor's language."""
        return self.words.of(*self._place(question), "question", question.code, dutch=question.label)

    def _hint(self, question: Question) -> str | None:
        path = (*self._place(question), "hint", question.code)
        return self.words.of(*path, dutch=question.help_text) or None

    def _place(self, question: Question) -> tuple[str, ...]:
        is_general = question in self.forms.general_questions
        return ("general",) if is_general else ("type", self.kind.code)

    def _condition(self, question: Question) -> str:
        every = {each.code: each for each in (*self.kind.questions, *self.forms.general_questions)}
        parts = [
            self._said(
                "report.only_if_part",
                question=self.label(every[code]) if code in every else code,
                answer=self.words.code("answer", wanted),
            )
            for code, wanted in question.show_when.items()
        ]
        joined = f" {self.words.catalogue.text('report.and')} ".join(parts)
        return self._said("report.only_if", conditions=joined)

    def _show_when(self, question: Question) -> str:
        return json.dumps({ANSWER_PREFIX + code: wanted for code, wanted in question.show_when.items()})

    def _error(self, name: str) -> str | None:
        return next((self._sentence(fault) for fault in self.faults if fault.field == name), None)

    def _sentence(self, fault: Fault) -> str:
        if fault.sentence:
            return fault.sentence
        values = dict(fault.values or {})
        if "question" in values:
            values["question"] = self._label_of(fault.field)
        if fault.field == CHOSEN_FIELD and fault.key in _FILE_FAULTS:
            return self._said(f"files.fault.{fault.key}", **values)
        return self._said(f"report.fault.{fault.key}", **values)

    def _said(self, key: str, **values: object) -> str:
        """A text with its values as they are: the page escapes it, once."""
        return self.words.catalogue.text(key, **values).unescape()

    def _label_of(self, field: str) -> str:
        code = field.removeprefix(ANSWER_PREFIX)
        every = (*self.kind.questions, *self.forms.general_questions)
        return next((self.label(each) for each in every if each.code == code), code)

    def _text(self, name: str) -> str:
        return str(self.words.catalogue.text(f"report.field.{name}"))
