"""What a document does by itself when it is opened, or a page is (ISO 32000-2, 12.6), as far as it shows."""

from collections.abc import Iterator

import pikepdf
from pikepdf import Array, Dictionary

from intake.files.kinds import NotTaken
from intake.files.pdf.making import items
from intake.files.pdf.notes import MAX_NOTES
from intake.files.pdf.work import WORD, Work

#: Actions that turn layers, notes and values on or off; scripts run in few readers, and are left out.
_CHANGING = frozenset({"/SetOCGState", "/Hide", "/ResetForm", "/ImportData"})
_MOST_ACTIONS = 1000
#: When actions of a page and of a note on it come by themselves: opened, visible.
_OF_PAGE, _OF_NOTE = ("/O",), ("/PO", "/PV")


def require_nothing_changes(given: pikepdf.Pdf, work: Work) -> None:
    """`NotTaken` where opening changes what is seen: some readers do that, others do not."""
    for each in _of_opening(given):
        for action in _with_next(each, work):
            if str(action.get("/S")) in _CHANGING:
                raise NotTaken("content-in-pdf")


def _of_opening(given: pikepdf.Pdf) -> Iterator[object]:
    yield given.Root.get("/OpenAction")
    for page in given.pages:
        yield from _told(page.obj, _OF_PAGE)
        for each in items(page.obj.get("/Annots"), MAX_NOTES):
            yield from _told(each, _OF_NOTE)


def _told(given: object, moments: tuple[str, ...]) -> Iterator[object]:
    told = given.get("/AA") if isinstance(given, Dictionary) else None
    if isinstance(told, Dictionary):
        yield from (told.get(each) for each in moments)


def _with_next(action: object, work: Work) -> Iterator[Dictionary]:
    """An action and those that follow it."""
    waiting = [action]
    for _ in range(_MOST_ACTIONS):
        if not waiting:
            return
        work.take(WORD)
        found = waiting.pop()
        if isinstance(found, Dictionary):
            yield found
            following = found.get("/Next")
            waiting += items(following, _MOST_ACTIONS) if isinstance(following, Array) else [following]
    raise NotTaken("too-heavy")
