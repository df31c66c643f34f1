"""Lots that a test can draw again."""

from collections.abc import Callable
from random import Random


def lots(seed: int) -> Callable[[], float]:
    """Numbers from 0 up to 1, the same for each seed, as `gateway.domain.glimpses.by_lot` draws them."""
    return Random(seed).random  # noqa: S311 -- nothing is secret in a test
