"""Renders a template in a language; every page of the gateway leaves through here."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway.rendering.addresses import paths_in
from gateway.rendering.catalogue import Catalogue, load_catalogues
from gateway.rendering.static import StaticFiles
from gateway.rendering.views import Shell

ZONE = ZoneInfo("Europe/Amsterdam")


class Language(StrEnum):
    """The languages of the pages; Dutch is what everyone gets unless they choose."""

    DUTCH = "nl"
    ENGLISH = "en"


LANGUAGES = tuple(Language)
_LOCALES = {Language.DUTCH: "nl_NL", Language.ENGLISH: "en_GB"}


class Renderer:
    """The templates in every language, made once and used by all requests; safe to share."""

    def __init__(
        self, static: StaticFiles | None = None, catalogues: Mapping[str, Catalogue] | None = None
    ) -> None:
        self.static = static or StaticFiles.packaged()
        self.catalogues = catalogues or load_catalogues()
        self._environments = {language: self._environment(language) for language in Language}

    def render(self, template: str, shell: Shell, /, **context: object) -> str:
        """The page as HTML in the shell's language.

        `context` is what the head of the template asks for; a name that is missing raises
        `jinja2.UndefinedError`, a text that is missing `MissingText`.
        """
        environment = self._environments[Language(shell.language)]
        paths = paths_in(shell.code)
        return environment.get_template(template).render(shell=shell, paths=paths, **context)

    def text(self, language: str, key: str, /, **values: object) -> Markup:
        """One text outside a page, as for an error sentence that a form shows."""
        return self.catalogues[language].text(key, **values)

    def moment(self, language: str, value: datetime) -> str:
        """A day and time of day as the pages write them."""
        return str(self._environments[Language(language)].filters["moment"](value))

    def month(self, language: str, value: date) -> str:
        """A month and its year as the pages write them."""
        return str(self._environments[Language(language)].filters["month"](value))

    def _environment(self, language: Language) -> Environment:
        environment = Environment(
            loader=PackageLoader("gateway", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        catalogue = self.catalogues[language]
        environment.globals |= {
            "t": catalogue.text,
            "tn": catalogue.count,
            "has_text": catalogue.has,
            "asset": self.static.url,
            "language": language.value,
        }
        environment.filters |= _formats(_LOCALES[language])
        return environment


def _formats(locale: str) -> dict[str, object]:
    def day(value: date) -> str:
        return format_date(_local(value), "d MMMM y", locale=locale)

    def short_day(value: date) -> str:
        return format_date(_local(value), "d MMM", locale=locale)

    def month(value: date) -> str:
        return format_date(_local(value), "MMMM y", locale=locale)

    def moment(value: datetime) -> str:
        at = value.astimezone(ZONE)
        return f"{format_date(at, 'EEE d MMM y', locale=locale)}, {format_time(at, 'HH:mm', locale=locale)}"

    def short_moment(value: datetime) -> str:
        at = value.astimezone(ZONE)
        return f"{format_date(at, 'EEE d MMM', locale=locale)}, {format_time(at, 'HH:mm', locale=locale)}"

    def machine(value: date) -> str:
        return value.isoformat()

    def number(value: int) -> str:
        return format_decimal(value, locale=locale)

    def megabytes(value: int) -> str:
        return format_decimal(max(value / 1_000_000, 0.1), "0.0", locale=locale)

    return {
        "day": day,
        "short_day": short_day,
        "month": month,
        "moment": moment,
        "short_moment": short_moment,
        "machine": machine,
        "number": number,
        "megabytes": megabytes,
    }


def _local(value: date) -> date:
    return value.astimezone(ZONE) if isinstance(value, datetime) else value


__all__ = ["LANGUAGES", "ZONE", "Language", "Renderer"]
