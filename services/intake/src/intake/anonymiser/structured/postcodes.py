"""Postcodes, alone or with their house number."""

import re
from collections.abc import Iterator

from intake.anonymiser.reading import Reading
from intake.anonymiser.structured.streets import AFTER_NUMBER, SURE_END

Found = tuple[int, int, str]

_POSTCODE = re.compile(
    r"[1-9](?<![\w€-][1-9])(?<!\d[.,][1-9])\d{3}[ ]{0,2}(?!SA|SD|SS)[A-Za-z]{2}(?![^\W_]|-\d\d-)"
)
_WITH_NUMBER = re.compile(
    r"(?:\s?[,/-]?\s?)(?:(?:huis)?(?:nr|nummer|no)\b\.?[\s:]{0,2}|#)?\d{1,4}(?![.:,/]?\d)(?:\s?[a-h]\b|[a-z]\b|-\d{1,3}\b|-[a-z]{1,3}\b|\s(?:hs|bis|i{1,3}|iv)\b)?(?![-/:.]\d)(?!\w)"
)
_SMALL_WORDS = frozenset(
    [
        "in",
        "op",
        "te",
        "is",
        "en",
        "om",
        "of",
        "er",
        "ze",
        "je",
        "we",
        "ik",
        "al",
        "km",
        "kg",
        "na",
        "nu",
        "zo",
        "de",
        "me",
        "ma",
        "pa",
        "ex",
        "ok",
        "nl",
        "eu",
        "bv",
        "mg",
        "ml",
        "cm",
        "mm",
        "kw",
        "pk",
        "hp",
        "mb",
        "gb",
        "tb",
        "st",
        "dr",
        "mr",
        "ha",
        "el",
        "ca",
        "ct",
        "vs",
        "xl",
        "ad",
        "id",
        "tv",
        "pc",
        "wc",
        "ja",
        "ga",
        "uw",
        "zn",
        "da",
        "la",
        "le",
        "tm",
        "pm",
        "am",
        "nr",
        "as",
        "at",
        "be",
        "by",
        "do",
        "ff",
        "gr",
        "hz",
        "it",
        "ko",
        "mn",
        "no",
        "on",
        "pp",
        "sm",
        "so",
        "to",
        "um",
        "we",
        "wo",
        "ze",
        "an",
    ]
)
_PLATE_BEFORE = re.compile(
    r"(?<![^\W_])(?<!\d )(?<!\d[-/])(?!te|in|op|hs|ii|iv)[a-z]{1,2}[ -]$|(?:\bkt|\bvtg|kenteken\w{0,6}|plaat)[\s:.]{1,3}$"
)
_HOUSE_BEFORE = re.compile(rf"{SURE_END.pattern[:-1]}\s(?:nr\.? ?)?\d{{1,4}}[ -]?\w{{0,3}},?\s{{1,2}}$")
_NEVER = frozenset(
    [
        "nr",
        "no",
        "in",
        "op",
        "te",
        "en",
        "of",
        "om",
        "is",
        "er",
        "ze",
        "je",
        "we",
        "na",
        "km",
        "kg",
        "cm",
        "mm",
        "ml",
        "pk",
        "kw",
        "mb",
        "gb",
        "tb",
        "st",
    ]
)


def find_postcodes(reading: Reading) -> Iterator[Found]:
    """Postcodes, alone or with their house number."""
    low = reading.lower
    for match in _POSTCODE.finditer(reading.text):
        letters = match.group()[-2:]
        spaced = match.group()[4] == " "
        if _PLATE_BEFORE.search(reading.before(match.start(), 14)):
            continue
        cued = (
            _HOUSE_BEFORE.search(reading.before(match.start(), 40)) is not None
            or re.search(
                r"postc\w{0,6}[\s:]{1,2}(?:is\s)?$|\bpc[\s:]{1,2}$", reading.before(match.start(), 16)
            )
            is not None
        )
        sure = letters.isupper() and (
            not spaced or not reading.is_upper or letters.lower() not in _SMALL_WORDS
        )
        house = _WITH_NUMBER.match(low, match.end())
        housed = (
            house is not None and letters.lower() not in _NEVER and not AFTER_NUMBER.match(low, house.end())
        )
        if not (sure or cued or housed or (letters.lower() not in _SMALL_WORDS)):
            continue
        if letters.lower() in _SMALL_WORDS and not cued and not letters.isupper() and not housed:
            continue
        end = match.end()
        number = _WITH_NUMBER.match(low, end)
        if number and not AFTER_NUMBER.match(low, number.end()):
            end = number.end()
        yield match.start(), end, "POSTCODE"
