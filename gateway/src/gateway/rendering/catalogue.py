"""The texts of the pages: one TOML file per language and subject, loaded once."""

import string
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from markupsafe import Markup, escape

_PLURAL = ("one", "other")


class MissingText(KeyError):
    """A page asked for a text that the catalogue does not have."""


class Catalogue:
    """The texts of one language by dotted key; the first part of a key is its file."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = dict(texts)

    @property
    def keys(self) -> frozenset[str]:
        """Every key, plural forms as two keys (`….one`, `….other`)."""
        return frozenset(self._texts)

    def placeholders(self, key: str) -> frozenset[str]:
        """The names between braces in one text."""
        return frozenset(name for _, name, _, _ in string.Formatter().parse(self._texts[key]) if name)

    def has(self, key: str) -> bool:
        """Is there a text under this key? For texts that are optional per code."""
        return key in self._texts

    def text(self, key: str, /, **values: object) -> Markup:
        """The text with its values filled in and escaped; `Markup` values go in as they are.

        Raises `MissingText` for an unknown key and `KeyError` for a value that the text needs.
        """
        try:
            text = self._texts[key]
        except KeyError:
            raise MissingText(f"{self.language}: {key}") from None
        return Markup(escape(text)).format(**values)  # noqa: S704 - the text itself was escaped here

    def count(self, key: str, number: int, /, **values: object) -> Markup:
        """The form for one or for another number, with `{number}` filled in."""
        form = _PLURAL[0] if number == 1 else _PLURAL[1]
        return self.text(f"{key}.{form}", number=number, **values)


def load_catalogues(folder: Traversable | None = None) -> dict[str, Catalogue]:
    """Every language that has a folder in the catalogue, by its code."""
    folder = folder or files("gateway") / "catalogue"
    return {
        language.name: Catalogue(language.name, dict(_texts_in(language)))
        for language in folder.iterdir()
        if language.is_dir() and not language.name.startswith("_")
    }


def _texts_in(language: Traversable) -> Iterator[tuple[str, str]]:
    for file in sorted(language.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            yield from _flat(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8")))


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, str):
            yield f"{prefix}.{name}", value.strip()
        else:
            yield from _flat(f"{prefix}.{name}", value)
