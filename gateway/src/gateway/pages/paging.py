"""A report form with one question a page: which pages there are now, and where one stands."""

from dataclasses import dataclass, replace

from gateway.pages.asking import Asking
from gateway.pages.carrying import CHOSEN_FIELD
from gateway.pages.filled import ANSWER_PREFIX
from gateway.pages.questions import ANONYMOUS
from gateway.rendering import Field, Section

_TOGETHER = frozenset({"where"})  # sections whose fields make one question
_FILES = "files"
_FILES_AFTER = "when"


@dataclass(frozen=True)
class FormPage:
    """One page: its name (which travels in the body), what it asks, and where it stands."""

    key: str
    section: Section
    has_files: bool = False
    number: int = 1
    total: int = 1

    @property
    def names(self) -> frozenset[str]:
        """The names of its fields."""
        return frozenset(
            {*(field.name for field in self.section.fields), *([CHOSEN_FIELD] if self.has_files else [])}
        )

    @property
    def is_last(self) -> bool:
        """Does checking come after it?"""
        return self.number == self.total


class Paging:
    """The pages of a form as the answers so far call for; never empty."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        found = [page for section in asking.sections for page in self._pages_of(section)]
        self.pages = [
            replace(page, number=number, total=len(found)) for number, page in enumerate(found, start=1)
        ]

    def at(self, key: str) -> FormPage:
        """The page of this name, else the first."""
        return next((page for page in self.pages if page.key == key), self.pages[0])

    def after(self, key: str) -> FormPage | None:
        """The page after it, or None when all was asked."""
        page = self.at(key)
        return None if page.is_last else self.pages[page.number]

    def before(self, key: str) -> FormPage:
        """The page before it; the first stays where it is."""
        return self.pages[max(self.at(key).number - 2, 0)]

    def first_wrong(self) -> FormPage | None:
        """The first page on which something is wrong."""
        wrong = {fault.field for fault in self._asking.faults}
        return next((page for page in self.pages if page.names & wrong), None)

    def _pages_of(self, section: Section) -> list[FormPage]:
        fields = [_plain(field) for field in section.fields if self._is_asked(field)]
        if section.key in _TOGETHER:
            return [FormPage(section.key, replace(section, fields=tuple(fields)))]
        if section.key == "contact":
            return self._contact_pages(section, fields)
        pages = [FormPage(field.name, replace(section, fields=(field,), lead=None)) for field in fields]
        if section.key == _FILES_AFTER and self._asking.takes_files:
            pages.append(FormPage(_FILES, replace(section, fields=(), lead=None), has_files=True))
        return pages

    def _contact_pages(self, section: Section, fields: list[Field]) -> list[FormPage]:
        """First how one stands behind the report, then what that asks."""
        mode = tuple(field for field in fields if field.name == "mode")
        rest = tuple(field for field in fields if field.name != "mode")
        pages = [FormPage("mode", replace(section, fields=mode, lead=None))] if mode else []
        return [*pages, FormPage("contact", replace(section, fields=rest))]

    def _is_asked(self, field: Field) -> bool:
        asking = self._asking
        if field.name in {"name", "phone"}:
            return asking.filled.mode(asking.kind, asking.forms) != ANONYMOUS
        if not field.name.startswith(ANSWER_PREFIX):
            return True
        question = asking.forms.questions_of(asking.kind)[field.name.removeprefix(ANSWER_PREFIX)]
        return question.is_asked(asking.filled.given(asking.kind, asking.forms))


def _plain(field: Field) -> Field:
    """Without its condition: what does not apply has no page."""
    return replace(field, condition=None, show_when=None)
