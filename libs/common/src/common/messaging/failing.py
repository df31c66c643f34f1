"""What a failure tells: whether another try may help, whose messages fail, and whether the fault is ours."""

from collections import Counter
from collections.abc import Iterable

from common.db import is_data_error, is_statement_error
from common.messaging.handling import Forged, Unprocessable

_SECOND_PART = 5  # a fifth of what stops a consumer must be of others than the speaker that fails most


class ParkedInARow:
    """Counts, for each speaker, what was parked since something of it was handled.

    One speaker alone never makes it a fault of ours, however much of it fails: whoever has its password could
    stop a hearer with it. Of two at once nobody has both; and what the database refuses for the statement's
    own sake, whatever the values, no message can bring about.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._of_others = max(1, limit // _SECOND_PART)
        self._parked: Counter[str] = Counter()
        self._surely_ours: Counter[str] = Counter()

    def add(self, speaker: str, error: Exception | None) -> None:
        """One more of this speaker was parked, for this error; None where it killed its process.

        What is forged does not count: the speaker did not send it.
        """
        if isinstance(error, Forged):
            return
        self._parked[speaker] += 1
        self._surely_ours[speaker] += error is not None and is_statement_error(error)

    def succeeded(self, speakers: Iterable[str]) -> None:
        """Something of each of these was handled: its row is broken."""
        for speaker in speakers:
            self._parked.pop(speaker, None)
            self._surely_ours.pop(speaker, None)

    @property
    def is_fault_of_ours(self) -> bool:
        """Whether so much was parked in a row, and of so many, that this hearer must be what is wrong."""
        if self._surely_ours.total() >= self._limit:
            return True
        of_others = self._parked.total() - max(self._parked.values(), default=0)
        return self._parked.total() >= self._limit and of_others >= self._of_others


def is_hopeless(error: Exception) -> bool:
    """Whether another try would end the same, because the message itself is at fault."""
    return isinstance(error, Unprocessable) or is_data_error(error)


def name_of(error: Exception) -> str:
    """The class of an error, and the reason where we gave it: nothing of a message."""
    reason = f": {error}" if isinstance(error, Unprocessable) else ""
    return type(error).__name__ + reason
