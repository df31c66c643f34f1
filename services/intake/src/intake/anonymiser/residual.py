"""The last look: what still reads like somebody's data in a text that was anonymised.

Independent of the recognisers on purpose: it knows no model and no checksums, only rough shapes. Where it
doubts, a person looks before the text is shown.
"""

import re

from intake.anonymiser.structured.phones import PUBLIC_NUMBERS

_PLACEHOLDER = re.compile(r"\[[A-Z]{2,14}-\d{1,4}\]")
_AT_SIGN = re.compile(r"@(?:\w|(?<=\w@))")
_LONG_NUMBER = re.compile(r"\d(?<![€\d.,]\d)(?:[ .-]?\d){7,}")
#: A date, with the time of day behind it or not: no number of somebody.
_DATE = re.compile(
    r"(?:\d{1,2}[-. ]\d{1,2}[-. ](?:\d{4}|\d{2})|(?:19|20)\d{2}[-. ]\d{1,2}[-. ]\d{1,2})"
    r"(?: \d{1,2}(?:[.:]?\d{2})?)?$"
    r"|(?:19|20)\d{2} \d{2}(?:[.:]?\d{2})?$"
)
_FREE_NUMBERS = ("0800", "0900", "0906", "0909")
#: Words that name a number as one of a thing or of a file.
_KNOWN_NUMBER = re.compile(
    r"(?:meter|ean|aansluit|zaak|dossier|dosier|meld|mut|order|kenmerk|rapport|factuur|pv|ticket|ref|pakket|nr|nummer)"
    r"[^.!?\n\d]{0,24}\.?[\s:(#]{0,3}$"
)
_NUMBERED = re.compile(
    r"\d(?:(?<=0)6(?<![\w.-]06)[ -]?\d{2}(?!-\d)|(?<!\w\d)\d{0,2}-[a-z]{2,3}-\d{1,3}(?!\w)|"
    r"(?<=[a-z]-\d)\d{1,2}-[a-z]{1,3}(?!\w)|"
    r"(?<=bsn \d)|(?<=bsn: \d)|(?<=iban \d)|(?<=iban: \d))"
)
_STREET = re.compile(
    r"(?:straat|laan|weg|plein|gracht|kade)\b,? (?:nr\.? ?|nummer )?\d{1,4}\b"
    r"(?! (?:euro|uur|keer|mensen|man))"
)
_DIGIT = "(?:nul|een|twee|drie|vier|vijf|zes|zeven|acht|negen)"
_IN_WORDS = re.compile(rf"{_DIGIT}(?:[ ,-]{{1,2}}{_DIGIT}){{5}}")
_CODE = re.compile(r"(?<!\w)\w{12,}")
#: Spelt out, so that the search goes by first letters.
_TITLE = re.compile(
    r"(?:Meneer|meneer|Mevrouw|mevrouw|Dhr|dhr|Mevr|mevr|Mw|mw|Buurman|buurman|Buurvrouw|buurvrouw|Familie|familie)\b"
)
_BEHIND_TITLE = re.compile(r"\.? (?!\[)(?:[a-z]+ )?[A-Z][a-z]+")
_CALLED = re.compile(r"(?:heet|heette|genaamd|alias|bijnaam)\b")
_BEHIND_CALLED = re.compile(r":? (?!\[)[A-Z][a-z]+")
#: What is left of "m. bos" when only the name was seen; "m", "n", "t" and the like are words too.
_LONE_INITIAL = re.compile(r"(?:[a-ceg-jloprvwxyA-Z]\.?|[A-Za-z]\.) \[PERSOON")


def is_doubtful(result: str) -> bool:
    """Whether a person should look at this text before anyone reads it as anonymised."""
    initial = _LONE_INITIAL.search(result) if "[PERSOON" in result else None
    if initial and not result[: initial.start()][-1:].isalnum():
        return True
    rest = _PLACEHOLDER.sub("[]", result)
    low = rest.lower()
    return (
        _AT_SIGN.search(rest) is not None
        or _has_behind(rest, _TITLE, _BEHIND_TITLE)
        or _has_behind(rest, _CALLED, _BEHIND_CALLED)
        or _NUMBERED.search(low) is not None
        or _STREET.search(low) is not None
        or _IN_WORDS.search(low) is not None
        or any(_is_code(match.group()) for match in _CODE.finditer(rest))
        or any(_is_somebodys(match, low) for match in _LONG_NUMBER.finditer(low))
    )


def _has_behind(text: str, cue: re.Pattern[str], name: re.Pattern[str]) -> bool:
    return any(name.match(text, match.end()) for match in cue.finditer(text))


def _is_code(word: str) -> bool:
    return not word.isalpha() and any(map(str.isdigit, word)) and any(map(str.isalpha, word))


def _is_somebodys(number: re.Match[str], low: str) -> bool:
    """A long number that could be called or looked up, and that no word in front says to be another."""
    value = number.group()
    digits = "".join(filter(str.isdigit, value))
    if _DATE.match(value) or value.startswith(_FREE_NUMBERS) or digits in PUBLIC_NUMBERS:
        return False
    if value.isdigit() and (len(digits) > 10 or (len(digits) == 10 and digits[0] != "0")):
        return False  # nobody's telephone, account or citizen number
    return _KNOWN_NUMBER.search(low[max(0, number.start() - 40) : number.start()]) is None
