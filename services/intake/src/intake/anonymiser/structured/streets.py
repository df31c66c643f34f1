"""What reads like a street: its last word, where it begins, and streets that stand without a number."""

import re
from collections.abc import Iterable, Iterator

from intake.anonymiser.lexicon import is_dutch_word, is_first_name, is_last_name, is_listed_word, words
from intake.anonymiser.reading import Reading

SURE_ENDS = tuple(words("street_ends"))
SURE_END = re.compile(rf"(?:{'|'.join(SURE_ENDS)})$")
BEST_ENDS = tuple(words("street_ends_of_nothing_else"))
OPENERS = words("street_openers")
_PARTICLES = words("particles")
NO_STREET = words("no_streets")
AFTER_NUMBER = re.compile(
    r"\s?(?:%|euro|eur\b|€|km|jaar|jarige|uur|keer|x\b|man\b|mannen|vrouw|mensen|personen|m2|m²|meter|kilo|kg|gram|gr\b|pk|"
    r"auto|dagen|weken|maanden|minuten|stuks|procent|duizend|miljoen|graden|kamers|planten|april|mei|maart|januari|"
    r"februari|juni|juli|augustus|september|oktober|november|december|jongens|meisjes|woningen|huizen|kinderen|liter)"
)
_ABBREVIATED = r"(?:(?i:burg|dr|prof|st|mr|pres|ir|mgr|ds|v|adm|gen|past)|[A-Z])\."
_STREET_PART = re.compile(
    rf"(?:[^\W\d_][\w'’]{{0,20}}(?:-[^\W\d_]\w{{0,20}})?|{_ABBREVIATED}|'[ts]|\d{{1,2}}e)[\s-]$"
)
_LEADING = re.compile(r"(?:[^\W\d_][\w'’-]{0,20}|'t|(?i:burg|dr|prof|st|mr|pres|ir|mgr|ds)\.)\s$")
_WORD_ENDS = (
    *(
        "straat",
        "straatje",
        "laan",
        "plein",
        "gracht",
        "kade",
        "singel",
        "steeg",
        "plantsoen",
        "boulevard",
        "dreef",
    ),
    *(
        "weg",
        "dijk",
        "hof",
        "park",
        "baan",
        "kamp",
        "brink",
        "markt",
        "wal",
        "ring",
        "pad",
        "haven",
        "oord",
        "erf",
    ),
    *("veld", "school", "kerk"),
)
_STREET_WORD = re.compile(rf"[^\W\d_][\w'’-]{{2,30}}(?:{'|'.join(_WORD_ENDS)})(?![\w])")
_SURE_STREET = (
    "straat",
    "straatje",
    "laan",
    "plein",
    "gracht",
    "kade",
    "singel",
    "steeg",
    "plantsoen",
    "boulevard",
    "dreef",
    "park",
)
#: In front of a street in capitals these open none: 'achter Veldweg'.
_BEHIND_OR_ABOVE = frozenset(["achter", "boven", "onder", "binnen", "buiten", "voor"])
_AT_A_STREET = re.compile(
    r"\b(?:aan|in|op|van|naar|langs|bij|hoek|over|door|vanaf|achter|t\.?h\.?v\.?|en)\s(?:de |het |'t )?$|\b(?:de|het) $"
)
_PREPOSITIONS = frozenset(
    [
        "aan",
        "op",
        "in",
        "bij",
        "naar",
        "uit",
        "om",
        "te",
        "met",
        "over",
        "tegen",
        "en",
        "of",
        "is",
        "uur",
        "controle",
        "adres",
        "woont",
        "bewoner",
        "tegenover",
        "naast",
        "nabij",
        "langs",
        "hoek",
        "richting",
    ]
)


_VAN_IN_FRONT = re.compile(
    r"(?:\bop|\bin|aan|bij|naar|adres|pand|object|\bwoon|\bwoont|wonende|wonend|[,:]) (van (?:de[rn]? )?)$"
)


def lead_of(reading: Reading, start: int) -> int:
    """Past openers and capitals in front of a street's last word: 'Kleine |Berg', ''t |Zand'."""
    at = kept = start
    for _ in range(3):
        match = _LEADING.search(reading.text, max(0, at - 24), at)
        if match is None:
            break
        word = match.group().strip()
        low = word.lower().rstrip(".")
        at = match.start()
        if low in _PARTICLES and not word[0].isupper() and word != "'t":
            continue
        opens = low in OPENERS or word == "'t" or (word[0].isupper() and low not in NO_STREET)
        if not opens or _is_preposition(low) or (reading.letters_only and low not in OPENERS):
            break
        kept = at
    return kept


def street_start(reading: Reading, start: int) -> int:
    """Where a street starts whose last word has a street's ending: 'Jan van Galen|straat'."""
    at = kept = start
    if reading.lower[max(0, start - 7) : start] == "bos en ":
        return start - 7
    for _ in range(5):
        match = _STREET_PART.search(reading.text, max(0, at - 26), at)
        if match is None:
            break
        word = match.group()[:-1]
        low = word.lower().rstrip(".")
        at = match.start()
        if low in _PARTICLES or low == "'t":
            if _stops_before(reading, at, match.group(), start, kept):
                if (
                    word[0].isupper()
                    and kept < start
                    and _LOWER_OR_COLON.search(reading.text[max(0, at - 4) : at])
                ):
                    return at  # 'pand Het Hoge Pad'
                break
            continue
        named = is_first_name(low) or is_last_name(low)
        is_preposition = word.islower() and low in _BEHIND_OR_ABOVE and reading.text[start].isupper()
        opens = (low in OPENERS and not is_preposition) or (
            named and (at + len(match.group()) != kept or word[0].isupper()) and not _is_common(low)
        )
        is_short = word.isupper() and 1 < len(word) < 5 and not reading.is_upper  # 'BRP Kerkstraat'
        if opens or (
            word[0].isupper()
            and not (reading.is_upper or is_short or _is_preposition(low) or low in NO_STREET)
        ):
            kept = at
        else:
            break
    return kept if kept < start else _with_article(reading, start)


def _stops_before(reading: Reading, at: int, particle: str, start: int, kept: int) -> bool:
    """Whether a street cannot go on past the particle at `at`: somebody lives there, or a sentence begins."""
    low = particle.strip().lower()
    if low in ("de", "het") and reading.lower.startswith("van ", at + len(particle)):
        return True  # 'Karin van de Van Goghstraat'
    if low in ("op", "in") and kept == start:
        return not reading.before(at, 7).endswith("bergen ")
    begins = particle[:-1] in ("De", "Het") or (low in ("de", "het") and kept < start)
    if begins and not reading.before(at, 5).endswith(("van ", "aan ", "op ")):
        return True
    if low not in ("de", "der", "den", "het") or not reading.before(at, 5).endswith("van "):
        return False
    if kept == start and at + len(particle) != start:
        return False
    if kept == start and low in ("der", "den") and not _is_plain_street(reading, start):
        return False
    front = _STREET_PART.search(reading.text, max(0, at - 26), at - 4)
    return front is None or front.group()[:-1].lower() not in OPENERS or _is_somebody(reading, front)


_LOWER_OR_COLON = re.compile(r"(?:[a-z]{2}|:) $")
_ARTICLE_IN_FRONT = re.compile(r"(?:(?<=\s)|^)(?:De|Van de|Van der|Van den|Van|'t|Den|De la|Ter|Ten) $")


def _with_article(reading: Reading, start: int) -> int:
    """Where a street of one word starts: with its 'Van der' or 'De', which begins no sentence."""
    lower = _VAN_IN_FRONT.search(reading.lower, max(0, start - 20), start)
    if lower and (lower.group()[0] not in ",:" or not _is_plain_street(reading, start)):
        return lower.start(1)
    article = _ARTICLE_IN_FRONT.search(reading.text, max(0, start - 9), start)
    if article and article.start() > 1 and reading.text[article.start() - 2] not in ".!?":
        return article.start()
    return start


def _is_somebody(reading: Reading, front: re.Match[str]) -> bool:
    """'Truus de Graaf van de' and 'Willem van de' open no street."""
    return reading.before(front.start(), 3) == "de " or is_first_name(front.group()[:-1].lower())


def _is_common(low: str) -> bool:
    """A name that is first of all a word."""
    return is_dutch_word(low) and low not in ("jan", "piet", "peter", "willem", "anna", "maria", "wilhelmina")


def headed_start(reading: Reading, start: int) -> int | None:
    """'Laan van Meerdervoort', 'Weg naar Zuid', 'Plein 1944', 'Kanaal Noord': the street's word comes first."""
    head = re.compile(
        r"\b(?:laan|weg|plein|kanaal|straat|hof|singel|pad|park|dijk|plantsoen|burg(?:emeester|\.)?)\s(?:(?:van|naar|over|langs|achter|tussen|op|der|de|het|den|'t|door|ten|aan)\s){0,3}(?:[\w'-]{1,20}\s){0,1}$"
    ).search(reading.lower, max(0, start - 48), start)
    return head.start() if head else None


def ends_as_street(word: str) -> bool:
    """Whether a lower-case word, or a part of it before a hyphen, has an ending that streets have too."""
    if "-" in word or "'" in word or "’" in word:
        return _STREET_WORD.match(word) is not None
    return len(word) > 5 and word.endswith(_WORD_ENDS)


def find_streets(reading: Reading, starts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Streets without a number among the words that start there: they stay in the text, and hold no name."""
    last_end = 0
    for at in starts:
        match = _STREET_WORD.match(reading.lower, at) if at >= last_end else None
        if match is None:
            continue
        word = match.group()
        if not reading.is_free(match.start(), match.end()) or word in NO_STREET or is_last_name(word):
            continue
        start = max(last_end, street_start(reading, match.start()))
        if is_listed_word(word) and reading.text[match.start()].islower() and not word.endswith(_SURE_STREET):
            start = match.start()  # 'de Haile gehoord'
        placed = word.endswith(_SURE_STREET) or _AT_A_STREET.search(reading.before(start, 14))
        titled = reading.before(start, 6).endswith(("dhr ", "dhr. ", "mw ", "mevr. ", "heer "))
        if placed and not titled and reading.is_free(start, match.end()):
            yield start, match.end()
            last_end = match.end()


def _is_preposition(low: str) -> bool:
    return low in _PREPOSITIONS


def _is_plain_street(reading: Reading, start: int) -> bool:
    """'dorpsstraat' is made of words: what stands in front of 'van de' is somebody, no part of it."""
    word = re.compile(r"[^\W\d_]+").match(reading.lower, start)
    return word is not None and is_dutch_word(word.group())
