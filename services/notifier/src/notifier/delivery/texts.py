"""The words of notices and mails, in two languages."""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from common.contracts.codes import FeedbackKey

from notifier.domain import language_of

URGENCIES = {
    "nl": {"acuut": "acuut", "hoog": "hoog", "normaal": "normaal", "laag": "laag"},
    "en": {"acuut": "acute", "hoog": "high", "normaal": "normal", "laag": "low"},
}


@lru_cache(maxsize=4)
def words(language: str) -> dict[str, dict[str, str]]:
    """Every text of a language, by section and key; Dutch for a language that is not there."""
    name = f"{language_of(language)}.toml"
    found: dict[str, Any] = tomllib.loads(files("notifier").joinpath("words", name).read_text("utf-8"))
    return found


def notice_text(language: str, feedback: FeedbackKey) -> str:
    """What a reporter reads in the mailbox."""
    return words(language)["notice"][feedback.value]
