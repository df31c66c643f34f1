"""The words of a report and what is hidden in them: when it comes in, and for who looks before sending."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from common.errors import Unavailable
from common.rooms import Account
from common.sharing import SHORT_CHARACTERS, NothingLeft
from common.turns import Turns

from intake.anonymiser import MAX_TOGETHER, Anonymised, Patience, anonymise_fields, load
from intake.anonymiser.marked import missing
from intake.anonymiser.patience import OutOfTime

T = TypeVar("T")

DESCRIPTION, ADDRESS, NEIGHBOURHOOD = "/description", "/address", "/neighbourhood"
_BETWEEN_FIELDS = "\n\n"
_PLACES, _PLACES_OF_KNOWN = 2, 1


class TooManyLong(Unavailable):
    """Long texts of others come first for longer than anyone should wait; short ones are still read."""

    code = "long-texts-unavailable"
    title = "Long texts cannot be read right now"
    fix = (
        "Er komen nu veel lange teksten binnen. Wacht even en stuur hetzelfde opnieuw.",
        "Many long texts come in now. Wait a little and send the same again.",
    )


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


@dataclass(frozen=True)
class Looked:
    """What would be hidden, and which of the marks, by place from 0, stand in no field."""

    hidden: Mapping[str, Anonymised]
    in_vain: Sequence[int]


class Hiding:
    """Hides what is in reports. Long ones take turns: no network, in whatever municipalities, has all places.

    A second long text beside the first is no quicker, for the processor is one; it is there so that who used
    little lately waits for no one. Who is known has a place beside these. Not for use by several threads.
    """

    def __init__(self, *, patience_seconds: float = 20) -> None:
        """`patience_seconds`: how long a long text waits for its turn; less than the gateway waits for us."""
        self._turns = Turns(_PLACES, patience_seconds=patience_seconds)
        self._turns_of_known = Turns(_PLACES_OF_KNOWN, patience_seconds=patience_seconds)

    async def hidden_in(
        self, account: Account, fields: Mapping[str, str], hide: Sequence[str] = ()
    ) -> Mapping[str, Anonymised]:
        """Every field anonymised, with what the reporter marked (`hide`) hidden wherever it occurs.

        The same fields and marks always give the same. Raises ValueError as `anonymise_fields` does, and
        `TooManyLong` when its turn does not come.
        """
        return await self._in_turn(account, fields, hide, lambda: anonymise_fields(fields, hide))

    async def looked(self, account: Account, fields: Mapping[str, str], hide: Sequence[str]) -> Looked:
        """As `hidden_in`, with the marks that were typed otherwise than in the text."""
        return await self._in_turn(account, fields, hide, lambda: _looked(fields, hide))

    async def _in_turn(
        self, account: Account, fields: Mapping[str, str], hide: Sequence[str], work: Callable[[], T]
    ) -> T:
        if sum(map(len, fields.values())) + sum(map(len, hide)) <= SHORT_CHARACTERS:
            return work()  # at once; what is longer goes to a thread, off the event loop
        turns = self._turns_of_known if account.is_known else self._turns
        try:
            async with turns.place(account):
                return await _to_its_end(work)
        except NothingLeft as error:
            raise TooManyLong("Many long texts come in at this moment; send it again shortly.") from error


async def _to_its_end(work: Callable[[], T]) -> T:
    """What the work gives, in a thread. Also who is cancelled waits for that, and holds their place."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    finally:
        await asyncio.wait({working})


def _looked(fields: Mapping[str, str], hide: Sequence[str]) -> Looked:
    """One patience for both; what takes longer, or is more than is read at all, has no mark in vain."""
    load()  # as `anonymise_fields` does: not at the cost of the first report's patience
    patience, in_vain = Patience(), list[int]()
    if hide and sum(map(len, fields.values())) <= MAX_TOGETHER:
        with suppress(OutOfTime):  # then the anonymiser hears the same, and hides all of it
            in_vain = missing(_BETWEEN_FIELDS.join(fields.values()), hide, patience)
    return Looked(anonymise_fields(fields, hide, patience), in_vain)


def is_doubtful(hidden: Mapping[str, Anonymised]) -> bool:
    """Whether something may have been missed, apart from the neighbourhood, which is judged by itself."""
    return any(each.is_doubtful for place, each in hidden.items() if place != NEIGHBOURHOOD)
