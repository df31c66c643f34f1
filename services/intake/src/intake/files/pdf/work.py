"""How much reading one document may cost: one account for everything that is read word by word."""

from intake.files.kinds import NotTaken

MOST_STEPS = 5_000_000  # three to six seconds of one core; a book of 500 pages takes an eighth to a half
WORD = 4  # steps for one word; an operator with its numbers, read at one blow, is one
OBJECT = 32
_BYTES_OF_A_STEP = 16
_DOTS_OF_A_STEP = 16


class Work:
    """Counts down. Pictures are not counted, except those that would be decoded time and again."""

    def __init__(self, most: int = MOST_STEPS) -> None:
        self.left = most

    def take(self, steps: int) -> None:
        """Before work of so many steps is done; `NotTaken` when that is more than a document may cost."""
        self.left -= steps
        if self.left < 0:
            raise NotTaken("too-heavy")

    def take_bytes(self, count: int) -> None:
        """Before so many bytes are looked through."""
        self.take(count // _BYTES_OF_A_STEP)

    def take_dots(self, width: int, height: int) -> None:
        """Before a picture of this size is decoded once more."""
        self.take(width * height // _DOTS_OF_A_STEP)
