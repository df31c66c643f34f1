"""Telephone numbers: Dutch, foreign, in any spacing, with a typing error where a cue stands by."""

import re
from collections.abc import Iterator

import phonenumbers

from intake.anonymiser.lexicon import words
from intake.anonymiser.reading import Reading

Found = tuple[int, int, str]

_SEP = r"[ ()./\-–]{0,3}"
_NATIONAL = re.compile(
    rf"(?:0(?<![\w+€]0)(?<!\d[.,-]0)|\((?<![\w+€]\()(?<!\d[.,-]\()0){_SEP}[1-9](?:{_SEP}\d){{8}}(?![\d])"
)
_WITH_31 = re.compile(
    rf"(?:\+(?<!\w\+)|0(?<!\w0)0)[ ]?31{_SEP}(?:\(?0\)?{_SEP})?[1-9](?:{_SEP}\d){{8}}(?!\d)"
)
_BARE_31 = re.compile(r"31(?<![\w+.,-]31)[ -]?6(?:[ -]?\d){8}(?![\d])")
_FOREIGN = re.compile(rf"(?:\+(?<!\w\+)[ ]?|0(?<!\w0)0)[1-9]\d{{0,2}}(?:{_SEP}\d){{6,12}}(?!\d)")
_MOBILE_ODD = re.compile(r"06(?<![\w+.,-]06)[ .-]{0,3}\d(?:[ .-]{0,2}\d){5,8}(?!\d)")
_CUED = re.compile(
    r"(?:tel(?:efoon)?(?:nummer|nr)?|telnr|mob(?:iel)?(?:e)?(?:nummer|nr)?|gsm|06|bel(?:len|t|de)?|app(?:en|t|je)?|whatsapp|nummer|"
    r"bereikb(?:aar)?|sms(?:en|t)?|fax)\b\.?[\s:(]{1,2}(?:(?:is|maar|op|naar|nummer|nr|het|hem|haar|met|via|even|\w{1,8})[\s:.]{1,2}){0,3}"
    r"(?P<value>\+?\d(?:[ .-]?\d){6,11})(?![\d])"
)
#: The words at which `_CUED` is tried.
_CALL_WORDS = words("calls")
_CALLED = re.compile(
    r"(?P<value>6(?<![\w.,-]6)\d(?:[ .-]?\d){7})(?= (?:belt|bellen|bel|appt|app|appen|gebeld)\b)"
)
_DIGIT_WORD = r"(?:nul|een|één|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|dertien|veertien|\w{0,9}tien|\w{0,12}(?:tig|tach\w{1,4}))"
_IN_WORDS = re.compile(rf"\bnul[ ,-]{{1,2}}(?:{_DIGIT_WORD}[ ,-]{{1,2}}){{3,10}}{_DIGIT_WORD}\b")
_FREE_NUMBERS = ("0800", "0900", "0906", "0909", "00800")
#: Numbers everyone may know; hiding them would hide what happened.
PUBLIC_NUMBERS = frozenset(
    {"112", "113", "144", "116000", "0343578844", "0887008000", "0881650000", "0614", "0612", "0882332332"}
)
_NOT_A_PHONE = re.compile(
    r"(?:zaak|dossier|mutatie|meter|melding|meld|order|factuur|klant|polis|pakket|track|serie|ean|imei|chassis|vin|"
    r"proces-verbaal|pv|referentie|ref|kenmerk|registratie|ticket|lidmaatschap|sticker|model|artikel|bon|"
    r"transactie|betaal|bestel|ordernr|contract|huur)[a-z-]{0,12}\.?[\s:#]{0,2}(?:(?:nr|nummer|no|is|met|onder|code)\b[\s:.#]{0,2}){0,3}$"
)


def find_whole_phones(reading: Reading) -> Iterator[Found]:
    """Numbers one can call that belong to somebody; free and emergency numbers are left."""
    text = reading.text
    if not reading.has_long_number:
        return
    for pattern in (_WITH_31, _NATIONAL, _BARE_31):
        for match in pattern.finditer(text):
            if _is_personal(match.group()) and not _is_other(reading, match.start(), match.group()):
                yield match.start(), match.end(), "TELEFOON"
    if "+" in text or "00" in text:
        for match in _FOREIGN.finditer(text):
            end = _foreign_end(text, match.start(), match.end())
            if end and not _is_other(reading, match.start(), match.group()):
                yield match.start(), end, "TELEFOON"


def find_odd_phones(reading: Reading) -> Iterator[Found]:
    """Numbers with a digit too few or too many, or beside a word for calling."""
    text = reading.text
    if not reading.has_long_number:
        return
    if "06" in text:
        for match in _MOBILE_ODD.finditer(text):
            digits = _digits(match.group())
            separated = match.group()[2] in " .-" or len(digits) >= 9
            if separated and not _is_other(reading, match.start(), match.group()):
                yield match.start(), match.end(), "TELEFOON"
    for match in filter(None, (_CUED.match(reading.lower, at) for at in reading.starts_of(_CALL_WORDS))):
        digits = _digits(match.group("value"))
        start = match.start("value")
        if (
            7 <= len(digits) <= 12
            and _is_call(match.group(), digits)
            and not _is_other(reading, start, text[start:])
        ):
            yield *match.span("value"), "TELEFOON"
    for match in _CALLED.finditer(reading.lower):
        if not _is_other(reading, match.start(), match.group("value")):
            yield *match.span("value"), "TELEFOON"


def find_spoken_phones(reading: Reading) -> Iterator[Found]:
    """Numbers written in words."""
    if "nul" in reading.lower:
        for match in _IN_WORDS.finditer(reading.lower):
            yield match.start(), match.end(), "TELEFOON"


_DATE = re.compile(
    r"\d{1,2}[-./]\d{1,2}[-./](?:(?:19|20)\d{2}|\d{2})(?!\d)(?:$|[^-./])|\d{1,2} \d{1,2} (?:19|20)\d{2}$"
)


def _is_other(reading: Reading, start: int, value: str) -> bool:
    """A date, or a number that the words in front name as something else."""
    if _DATE.match(value) or re.match(r"\d{2}/(?:19|20)\d{2} ", value) or not _is_personal(value[:16]):
        return True
    return _NOT_A_PHONE.search(reading.before(start, 40)) is not None


def _digits(value: str) -> str:
    return re.sub(r"\D", "", value)


def _is_personal(value: str) -> bool:
    digits = _digits(value)
    return digits not in PUBLIC_NUMBERS and not digits.startswith(_FREE_NUMBERS)


def _is_call(cued: str, digits: str) -> bool:
    """'nummer 12345678' may be any number; a word for calling makes it one to call."""
    is_general = cued.startswith(("nummer", "bereikb"))
    return (
        digits.startswith(("0", "6", "31")) if is_general else not _NOT_A_PHONE.search(cued[: -len(digits)])
    )


def _foreign_end(text: str, start: int, end: int) -> int:
    """Where the number ends by its country's numbering plan; a group too many is left off. 0 when none fits."""
    for _ in range(4):
        value = text[start:end].replace(" ", "")
        try:
            number = phonenumbers.parse("+" + value[2:] if value.startswith("00") else value, None)
        except phonenumbers.NumberParseException:
            number = None
        if number is not None and phonenumbers.is_possible_number(number):
            return end
        cut = max(text.rfind(sign, start + 4, end) for sign in " -./")
        if cut <= start:
            break
        end = cut
    digits = len(_digits(text[start:end]))
    return end if text[start] == "+" and 9 <= digits <= 15 else 0
