"""The last look: what still reads like somebody's data in a text that was anonymised.

Independent of the recognisers on purpose: it knows no model and no checksums, only rough shapes. Where it
doubts, a person looks before the text is shown.
"""

import re

from intake.anonymiser.lexicon import words
from intake.anonymiser.structured.phones import PUBLIC_NUMBERS

_PLACEHOLDER = re.compile(r"\[[A-Z]{2,14}-\d{1,4}\]")
_LONG_NUMBER = re.compile(r"(?<![€\d.,])\d(?:[ .-]?\d){6,}")
_LEFT_OVER = re.compile(
    r"\w@|@\w|\b(?:bsn|iban|burgerservicenummer|paspoortnummer|rijbewijsnummer)\b:? \w*\d|\b06[ -]?\d{2}|"
    r"\b(?:meneer|mevrouw|dhr|mevr|mw|buurman|buurvrouw|familie)\b\.? (?!\[)[a-z]*(?-i:[A-Z][a-z]+)|"
    r"\b(?:heet|heette|genaamd|alias|bijnaam)\b:? (?!\[)(?-i:[A-Z][a-z]+)|"
    r"(?:straat|laan|weg|plein|gracht|kade)\b,? "
    r"(?:nr\.? ?|nummer )?\d{1,4}\b(?! (?:euro|uur|keer|mensen|man))|"
    r"\b[A-Z]{1,3}-\d{2,3}-[A-Z]{1,3}\b|\b\d{1,3}-[A-Z]{2,3}-\d{1,3}\b|"
    r"(?:nul|een|twee|drie|vier|vijf|zes|zeven|acht|negen)"
    r"(?:[ ,-]{1,2}(?:nul|een|twee|drie|vier|vijf|zes|zeven|acht|negen)){5}",
    re.IGNORECASE,
)
_UNLIKE_A_WORD = re.compile(r"(?<![\w/])(?=\w{0,30}\d)(?=\w{0,30}[A-Za-z])\w{12,}(?!\w)")
_KNOWN_NUMBER = re.compile(
    r"(?:meter|ean|zaak|dossier|meld|mutatie|order|kenmerk|rapport|factuur|pv)\w{0,12}\.?[\s:-]{0,3}(?:nr|nummer|is|met)?\s?(?:is|nummer)?[\s:]{0,2}$"
)
_FULL_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+ (?:(?:van|de|den|der|el) ){1,2}[A-Z][a-z]+")
_STREETS = words("street_openers")


def is_doubtful(result: str) -> bool:
    """Whether a person should look at this text before anyone reads it as anonymised."""
    rest = _PLACEHOLDER.sub("[]", result)
    if _LEFT_OVER.search(rest) or _UNLIKE_A_WORD.search(rest) or _FULL_NAME.search(rest):
        return True
    return any(
        re.sub(r"\D", "", match.group()) not in PUBLIC_NUMBERS
        and not match.group().startswith(("0800", "0900", "0906"))
        and not _KNOWN_NUMBER.search(rest[: match.start()].lower()[-40:])
        for match in _LONG_NUMBER.finditer(rest)
    )
