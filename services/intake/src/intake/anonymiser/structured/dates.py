"""Dates of birth: a date with a cue beside it, or one so long ago that a report can mean nothing else."""

import re
from collections.abc import Iterator

from intake.anonymiser.reading import Reading

Found = tuple[int, int, str]

_MONTH = (
    r"(?:jan(?:uari)?|feb(?:r|ruari)?|mrt|maart|maa|apr(?:il)?|mei|jun(?:i)?|jul(?:i)?|aug(?:ustus)?|sep(?:t|tember)?|"
    r"okt(?:ober)?|oct|nov(?:ember)?|dec(?:ember)?|januarie|febuari)"
)
_START = re.compile(r"\d(?<![\w€]\d)(?<!\d[.,-]\d)")
_DATE = re.compile(
    r"(?:"
    r"\d{1,2} ?[-./\\ ] ?\d{1,2} ?[-./\\ ] ?(?:(?:19|20)\d{2}|'?\d{2})"
    r"|(?:19|20)\d{2}[-./ ]\d{1,2}[-./ ]\d{1,2}"
    rf"|\d{{1,2}}(?:e|ste|de)?[ .-]{{0,2}}{_MONTH}\.?[ ,.-]{{1,2}}(?:(?:19|20)\d{{2}}|'?\d{{2}})"
    rf"|\d{{1,2}}(?:e|ste|de)? {_MONTH}"
    r"|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d{2}"
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}"
    r"|(?:19|20)\d{2}"
    r")(?![\w])(?![-/]\d)(?![.:,]\d)"
)
_DATE_IN_WORDS = re.compile(
    rf"\b(?:een|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|\w{{3,6}}tien|\w{{0,12}}twintig|\w{{0,8}}dertig)"
    rf"(?:ste|de)? {_MONTH}\b(?: (?:\d{{4}}|negentien\w{{0,20}}|tweeduizend\w{{0,16}}))?"
)
_CUE = re.compile(
    r"(?:geb(?<!\wgeb)(?:oren|\.|\b|oortedatum|\.? ?dat(?:um)?\b\.?|oorte|\.dat\b\.?)|geboorte(?<!\wgeboorte)-?dat(?:um)?\b|"
    r"geboortedag|geboorteda(?:tum|\b)|g(?<!\wg)\.?d\.?\b|dob(?<!\wdob)\b|gbd(?<!\wgbd)\b|gebdat(?<!\wgebdat)(?:um)?\b|"
    r"jarig(?<!\wjarig)\b|verjaar(?:t|dag)|bouwjaar van hem|"
    r"(?:h(?<!\wh)(?:ij|y)|z(?<!\wz)(?:ij|e)|d(?<!\wd)(?:ie|eze)|v(?<!\wv)(?:an|rouw)|m(?<!\wm)(?:an|eisje)|j(?<!\wj)ongen) "
    r"(?:is|was|komt) (?:er )?(?:een )?van\b|is(?<!\wis) van\b|datum(?<!\wdatum) geb|date of birth|\*(?=[ \d]))"
    r"[^\d\n]{0,26}$"
)
_NO_CUE_AFTER = re.compile(r"(?:sinds|vanaf|sedert|gecontroleerd|gezien|controle|gemeld)\b[^\d\n]{0,12}$")
_CUE_AFTER = re.compile(
    r"[\s,()]{0,2}(?:is |was |als |= ?)?(?:(?:zijn|haar|de|diens|z'n|zn|d'r) )?(?:geb(?:oren|\.|oortedatum|oortedag|\b)|geboorte|verjaardag|jarig)"
)
_COUNTER = re.compile(
    r"(?:sinds|vanaf|sedert|bouwjaar|gebouwd|opgericht|oprichting|ingeschreven|getrouwd|gehuwd|dienst|afgegeven|wet|"
    r"vergunning|besluit|controle|mutatie|tot|datum|jaar)[^\d\n]{0,14}$"
)
#: A full date of this year or before, without a cue, is taken for somebody's birth: reports are of today.
_LONG_AGO = 2012


def find_birth_dates(reading: Reading) -> Iterator[Found]:
    """Dates of birth; the date of what happened is left."""
    low = reading.lower
    for match in _dates(low):
        before = reading.before(match.start(), 44)
        cued = _CUE.search(before) is not None and not _NO_CUE_AFTER.search(before)
        if cued or (_CUE_AFTER.match(low, match.end()) and len(match.group()) > 4):
            if len(match.group()) > 4 or re.search(r"\bgeb|dob|jarig", before):
                yield match.start(), match.end(), "GEBOORTEDATUM"
        elif (_is_long_ago(match.group()) or _is_register_date(low, match)) and not _COUNTER.search(before):
            yield match.start(), match.end(), "GEBOORTEDATUM"
    if "geb" in low or "jarig" in low:
        for match in _DATE_IN_WORDS.finditer(low):
            if _CUE.search(reading.before(match.start(), 44)):
                yield match.start(), match.end(), "GEBOORTEDATUM"


def _dates(low: str) -> Iterator[re.Match[str]]:
    at = 0
    while (start := _START.search(low, at)) is not None:
        match = _DATE.match(low, start.start())
        at = match.end() if match else start.end()
        if match:
            yield match


def _is_register_date(low: str, match: re.Match[str]) -> bool:
    """Eight digits between commas, as a register writes a birthday behind a name."""
    year = re.fullmatch(r"\d{4}(19\d{2}|200\d)", match.group())
    return (
        year is not None
        and low[max(0, match.start() - 2) : match.start()] in (", ", " (")
        and low[match.end() : match.end() + 1] in ",.)"
    )


def _is_long_ago(date: str) -> bool:
    digits = re.sub(r"\D", "", date)
    if digits == date or (len(digits) < 5 and date[-3] != "'"):
        return False
    whole = re.search(r"(?:19|20)\d{2}", date)
    if whole:
        return int(whole.group()) <= _LONG_AGO
    short = re.search(r"[-./' ](\d{2})$", date)
    if short is None:
        return False
    if date[-3] == "'":  # nobody writes the year of a report so
        return int(short.group(1)) > 35 or int(short.group(1)) <= _LONG_AGO - 2000
    return int(short.group(1)) > 35 and re.match(r"\d{1,2}[-/. ]\d", date) is not None
