"""The words of a report and what is hidden in them: when it comes in, and for who looks before sending."""

import asyncio
from collections.abc import Mapping, Sequence

from intake.anonymiser import MAX_TOGETHER, Anonymised, anonymise_fields
from intake.anonymiser.marked import missing

DESCRIPTION, ADDRESS, NEIGHBOURHOOD = "/description", "/address", "/neighbourhood"
_INLINE_CHARACTERS = 1_500  # longer texts are anonymised in a thread, off the event loop


def words_of(
    description: str, answers: Mapping[str, str], address: str | None, neighbourhood: str | None
) -> dict[str, str]:
    """What a reporter wrote in words of their own, by its place in the report (RFC 6901)."""
    fields = {DESCRIPTION: description, **{f"/answers/{code}": each for code, each in answers.items()}}
    if address:
        fields[ADDRESS] = address
    if neighbourhood:
        fields[NEIGHBOURHOOD] = neighbourhood
    return fields


async def hidden_in(fields: Mapping[str, str], hide: Sequence[str] = ()) -> dict[str, Anonymised]:
    """Every field anonymised, with what the reporter marked (`hide`) hidden wherever it occurs.

    The same fields and marks always give the same. Raises ValueError as `anonymise_fields` does.
    """
    if sum(map(len, fields.values())) > _INLINE_CHARACTERS:
        return await asyncio.to_thread(anonymise_fields, fields, hide)
    return anonymise_fields(fields, hide)


async def marked_in_vain(fields: Mapping[str, str], hide: Sequence[str]) -> list[int]:
    """Which of the marks, by place from 0, stand in no field: typed otherwise than in the text.

    None of more text than is read at all: that is hidden whole.
    """
    if not hide or sum(map(len, fields.values())) > MAX_TOGETHER:
        return []
    return await asyncio.to_thread(missing, "\n\n".join(fields.values()), hide)


def is_doubtful(hidden: Mapping[str, Anonymised]) -> bool:
    """Whether something may have been missed, apart from the neighbourhood, which is judged by itself."""
    return any(each.is_doubtful for place, each in hidden.items() if place != NEIGHBOURHOOD)
