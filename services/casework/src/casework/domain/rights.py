"""Who may do what with a report that a colleague has, or had."""

from collections.abc import Collection
from uuid import UUID


def decides(person: UUID, taken_by: UUID | None, *, manages: bool) -> bool:
    """Whether a person moves, closes, reopens, asks and mends the text: who took it, or the process manager.

    A closed report is still theirs who had taken it. What nobody took is nobody's to decide on.
    """
    return manages or taken_by == person


def may_take(person: UUID, taken_by: UUID | None, *, manages: bool) -> bool:
    """Whether a person may take a report: one that nobody took, or, of a colleague, the process manager."""
    return taken_by is None or (manages and taken_by != person)


def may_erase(person: UUID, reopened_by: Collection[UUID | None], *, manages: bool) -> bool:
    """Whether who decides on a report may have it erased as incorrect, at their own word.

    What was closed before takes a second person: the process manager, and not one who reopened it.
    `reopened_by` names each who did, None for an answer of the reporter.
    """
    return not reopened_by or (manages and person not in reopened_by)
