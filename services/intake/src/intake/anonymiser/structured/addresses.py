"""Addresses: a street with its number in either order, and what is added to the number."""

import re
from collections.abc import Iterator

from intake.anonymiser.lexicon import is_dutch_word, is_first_name, is_listed_word, words
from intake.anonymiser.reading import Reading
from intake.anonymiser.structured.streets import (
    AFTER_NUMBER,
    BEST_ENDS,
    NO_STREET,
    SURE_ENDS,
    headed_start,
    lead_of,
    street_start,
)

Found = tuple[int, int, str]

_MAKES = words("makes")
_BARE_ENDS = frozenset(
    [
        "straat",
        "laan",
        "weg",
        "plein",
        "gracht",
        "kade",
        "singel",
        "steeg",
        "dijk",
        "dreef",
        "boulevard",
        "allee",
        "str",
        "straten",
        "lanen",
        "pad",
    ]
)
_ADDITION = re.compile(
    r"(?:(?:\s?[-/]\s?|\s)(?!t/m)(?:[a-z](?![\w'’])(?!\.\w)|i{1,3}\b|i?v\b|vi{0,3}\b|bis\b|hs\b|huis\b|rd\b|rood\b|zwart\b|zw\b|to\b|bg\b|boven\b|beneden\b|(?<=[-/ ]{1})(?<![ ])\d{1,4}[a-z]?(?![\w]|[.:]\d))"
    r"|[a-z]{1,2}\d?(?![\w])|[a-z]-\d{1,3}(?!\w))"
)
_LETTERS = re.compile(r"[a-z]{1,3}(?![\w])")
_FLOOR = re.compile(
    r",?\s?(?:\(?(?:\d{1,2}|eerste|tweede|derde|vierde|begane)\s?(?:e|ste|de)?\s?(?:etage|verdieping|verd\b\.?|woonlaag|hoog|grond)\b\)?|"
    r"(?:app|appartement|kamer|unit|toev|toevoeging|bus|huisletter)\b\.?\s?[a-z]?\d{0,4}[a-z]?\b|(?:links|rechts|achter|voor|boven|beneden)(?=[\s,.]|$)(?! (?:de|het|een|in|op|mij|ons)\b))"
)
_AND_MORE = re.compile(
    r"(?:\s?(?:,|en|of|t/m|tm|&|\+|/|tot en met)\s?(?:nr\.?\s?|nummer\s)?)(?!\d{1,2}e\s[a-z])\d{1,4}(?:[a-z]\b|[- ]?[a-h]\b)?(?![\w]|[.:,/-]\d)"
)
_NUMBER = re.compile(r"\d(?<![\w€#]\d)(?<!\d[.,:/-]\d)(?<![a-z]-\d)\d{0,4}(?=[a-z]{0,3}(?![^\W_]))")
_BETWEEN = re.compile(
    r"(?:,?\s{1,2}|\s?,\s?|\s?[-:]\s?)(?:op\s|bij\s|met\s)?(?:(?:huis)?(?:nr|nummer|no|numer|nmr|nrs)\b\.?[\s:]{0,2}|#\s?|n°\s?|huisnr\.?\s?)?$"
)
_WORD_BACK = re.compile(r"[^\W\d_][\w'’.-]{0,40}$|'[stn]$|\d{1,2}e$|\d{4}$")
_HOUSE = re.compile(
    r"(?:(?:[a-z]|-[a-z0-9]{1,3}| (?:hs|bis|ii|iii|iv))(?![\w]),? ?)?(?:(?P<place>,? ?(?:te [a-z]{3}|(?:postcode )?[1-9]\d{3} ?[a-z]{2}\b))|)"
)
_WITH_SUFFIX = re.compile(r" \d{1,3}(?: (?:hs|bis|ii|iii)\b|-[a-h]\b|-[1-4]\b(?!-))")
_ADJECTIVE_OPENERS = frozenset(
    [
        "oude",
        "nieuwe",
        "korte",
        "lange",
        "grote",
        "kleine",
        "hoge",
        "lage",
        "groene",
        "sint",
        "st",
        "onder",
        "achter",
    ]
)
_OPENER = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(_ADJECTIVE_OPENERS))})\s$")
_OPENED = [[opener] for opener in _ADJECTIVE_OPENERS]
_SQUARE = re.compile(r"\bplein 19\d\d,? (?:nr\.? |nummer )?$")
_PLACED = re.compile(
    r"(?:\b(?:op de|op het|aan de|aan het|in de|op|aan|adres|adres[:]|loc[:.]?|brp|locatie:?|woon|woont|wonende|tegenover|naast|pand|object|perceel|terrein,?))\s$|[,:]\s$"
)
_QUARTER = re.compile(r"[-. ](?:noord|zuid|oost|west|[nzow])$|\.$")
_WORDS_BACK = re.compile(r"(?:[^\W\d_][\w'’-]{1,24}\s){0,3}[^\W\d_][\w'’-]{1,24}$")
_NEAR_STREET = re.compile(
    r"(?P<street>[^\W\d_][\w'’-]{3,40})(?:[,.;]|\s(?:daar|hier|ergens|bij ons|en dan|en wel|te [a-z]{3,20}|in [a-z]{3,20}))?[,.;]?\s?$"
)
_NUMBERED = re.compile(r"n(?:r|ummer|o)\b")
_WORD = re.compile(r"[^\W\d_]+")
_HOUSE_CUE = re.compile(
    r"(?:(?:huis)?(?:nummer|nr|no)\b\.?|\bhuis|\bpand|\bwoning|\bop|\bperceel)[\s:]{1,2}$"
)
_BEHIND = re.compile(
    r"[a-z]{0,2}(?:[- ]?(?:[a-h]|hs|bis|i{1,3}))?,?\s(?:hier\s|daar\s)?(?:van|in|aan|op|bij|langs)\s(?:de|het|'t|den|onze|ons)\s(?P<street>(?:[^\W\d_][\w'’.-]{0,24}\s){0,4}?[^\W\d_][\w'’-]{0,40})(?=[\s,.;!?)]|$)"
)


def find_addresses(reading: Reading) -> Iterator[Found]:
    """Streets with a number before or behind, and postcodes, alone or with their house number."""
    for number in _NUMBER.finditer(reading.lower):
        if not reading.is_free(number.start(), number.end()):
            continue
        found = _street_before(reading, number.start(), number.end()) or _street_behind(
            reading, number.start(), number.end()
        )
        if found:
            start, end = found
            while end > number.end() and not reading.is_free(number.end(), end):
                end -= 1
            yield start, end, "ADRES"
    yield from _in_words(reading)


def _numbers_in_words() -> frozenset[str]:
    units = ["een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"]
    teens = ["tien", "elf", "twaalf", "dertien", "veertien"]
    teens += [f"{unit}tien" for unit in units[4:]]
    tens = ["twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"]
    joined = [f"{unit}{'ë' if unit[-1] == 'e' else 'e'}n{ten}" for ten in tens for unit in units]
    below = [*units, *teens, *tens, *joined]
    hundreds = [f"{front}honderd" for front in ("", *units[1:])]
    more = [f"{hundred}{middle}{last}" for hundred in hundreds for middle in ("", "en") for last in below]
    return frozenset([*below, *hundreds, *more]) - {"een"}


_IN_WORDS = _numbers_in_words()
_AT_AN_END = re.compile(r"\s?(?:[.,;:!?)\n]|\Z)")


def _in_words(reading: Reading) -> Iterator[Found]:
    """'Kerkstraat vierentwintig.' and 'Kerkstraat nummer drie': behind 'nummer', or where the sentence pauses."""
    for start in reading.starts_of(_IN_WORDS & reading.vocabulary):
        between = _BETWEEN.search(reading.lower, max(0, start - 26), start)
        word = _WORD.match(reading.lower, start)
        if between is None or word is None:
            continue
        has_cue = "n" in between.group()
        street = _street_ending_at(reading, between.start(), has_cue)
        ends = _AT_AN_END.match(reading.lower, word.end()) is not None
        if street is not None and (has_cue or ends) and reading.is_free(street, word.end()):
            yield street, word.end(), "ADRES"


def _street_before(reading: Reading, start: int, end: int) -> tuple[int, int] | None:
    low = reading.lower
    if AFTER_NUMBER.match(low, end) or _is_clock_or_date(reading, end):
        return None
    if low[start:end].startswith("19") and end - start == 4 and reading.before(start, 6) == "plein ":
        return None  # the name of a square
    between = _BETWEEN.search(low, max(0, start - 26), start)
    back = low[max(0, start - 30) : between.start()][-4:] if between else ""
    if between is None or (back[-1:].isdigit() and not (len(back) == 4 and back.isdigit())):
        return None  # no street ends in a digit, but 'Plein 1944' in four
    street = _street_ending_at(reading, between.start(), has_cue="n" in between.group())
    if street is None:
        street = _street_by_context(reading, between.start(), end)
    if street is None:
        street = _street_nearby(reading, between.start(), between.group())
    square = _SQUARE.search(low, max(0, start - 20), start)
    street = square.start() if square else street
    return None if street is None else (street, _number_end(low, end))


def _street_by_context(reading: Reading, stop: int, end: int) -> int | None:
    """A street with no street's ending: only with a letter or postcode behind the number and a place word in front."""
    behind = _HOUSE.match(reading.lower, end)
    if behind is None:
        return None
    has_evidence = bool(behind.group())
    if not has_evidence and reading.before(stop, 60).split()[-2:-1] not in _OPENED:
        return None
    words_back = _WORDS_BACK.search(reading.text, max(0, stop - 60), stop)
    if words_back is None:
        return None
    for first in [m.start() + words_back.start() for m in re.finditer(r"\S+", words_back.group())]:
        placed = _PLACED.search(reading.before(first, 14))
        parts = reading.lower[first:stop].split()
        if placed is None or len(parts) > 3 or parts[0] in ("de", "het", "op", "aan"):
            continue
        is_listed_place = placed.group()[0] not in ",:"
        if (
            len(parts) == 2
            and parts[0] in _ADJECTIVE_OPENERS
            and (is_listed_place or reading.text[first:stop].istitle())
            and parts[1] not in NO_STREET
        ):
            return first
        if not has_evidence or not (behind.group("place") or is_listed_place):
            return None
        known = (
            parts[-1] in NO_STREET
            or parts[-1] in _MAKES
            or (is_listed_word(parts[-1]) and not behind.group("place"))
        )
        return None if known or len(parts[-1]) < 4 else first
    return None


_GOES_ON = re.compile(r"[:.,/-]\d|-[a-z]{2,3}-\d|\s?[-/]\s?\d{1,2}\s?[-/]\s?\d")
_RANGE = re.compile(r"[-/]\d{1,4}(?![\d:/-])")


def _is_clock_or_date(reading: Reading, end: int) -> bool:
    """A number that goes on as a time, a date, an amount or a year."""
    return _GOES_ON.match(reading.lower, end) is not None and _RANGE.match(reading.after(end, 8)) is None


def _number_end(low: str, end: int) -> int:
    """Past letters, floors and further numbers."""
    suffix = _LETTERS.match(low, end)
    end = suffix.end() if suffix else end
    for _ in range(2):
        addition = _ADDITION.match(low, end)
        if addition is None or (AFTER_NUMBER.match(low, addition.end()) and addition.group()[-1].isdigit()):
            break
        end = addition.end()
    floor = _FLOOR.match(low, end)
    end = floor.end() if floor else end
    for _ in range(4):
        more = _AND_MORE.match(low, end)
        if more is None or AFTER_NUMBER.match(low, more.end()):
            break
        end = more.end()
    return end


def _street_ending_at(reading: Reading, stop: int, has_cue: bool) -> int | None:
    """Where the street that ends at `stop` starts, or None when what stands there is no street."""
    window = max(0, stop - 42)
    word = _WORD_BACK.search(reading.text, max(window, reading.text.rfind(" ", window, stop)), stop)
    if word is None:
        return None
    last = _QUARTER.sub("", word.group().lower())
    if last in NO_STREET:
        return None
    is_capital = word.group()[0].isupper()
    if last.endswith(BEST_ENDS) or (is_capital and last in _BARE_ENDS):
        if is_capital or last not in _BARE_ENDS:
            return street_start(reading, word.start())
        opener = _OPENER.search(reading.lower, max(0, word.start() - 9), word.start())
        return opener.start() if opener else None
    is_sure = len(last) > 4 and last.endswith(SURE_ENDS)
    if not (is_capital or is_sure or reading.letters_only):
        return _street_without_ending(reading, word.start(), stop, False)
    placed = _PLACE_BEFORE.search(reading.before(lead_of(reading, word.start()), 22)) is not None
    if is_sure and (is_capital or placed or not is_dutch_word(last)):
        is_plain = not is_capital and is_listed_word(last) and not has_cue
        return None if is_plain else street_start(reading, word.start())
    if is_capital or reading.letters_only:
        headed = headed_start(reading, word.start())
        if headed is not None:
            return headed
    return _street_without_ending(reading, word.start(), stop, placed)


def _street_without_ending(reading: Reading, start: int, stop: int, placed: bool) -> int | None:
    """'Kleine Berg', ''t Zand' and 'De Hoef': by capitals, an article, or what stands in front."""
    word = reading.text[start:stop]
    has_article = reading.lower[max(0, start - 3) : start] == "'t "
    if not word[0].isupper():
        return start - 3 if has_article else None
    lead = lead_of(reading, start)
    if not word.isupper():
        is_named = lead < start or not is_first_name(word.lower())
        if placed and len(word) > 2 and is_named:
            return lead
        if len(word) > 3 and _WITH_SUFFIX.match(reading.lower, stop):
            return lead
    if has_article:
        return start - 3
    return lead if _ARTICLE.search(reading.text[max(0, start - 5) : start]) else None


_ARTICLE = re.compile(r"(?:^|\s|[,:(])(?:De|Het|Den) $")
_PLACE_BEFORE = re.compile(
    r"\b(?:aan|op|in|van|bij|woont|wonende|adres|pand|woning|perceel|object|betreft|huisbezoek|controle|t\.?p\.?|uur|locatie|naar|te|om|hoek)[\s,:.]{1,2}(?:de |het |'t )?$"
)


def _street_nearby(reading: Reading, stop: int, between: str) -> int | None:
    """'in de Kerkstraat, en dan nummer 8': a street a few words in front of 'nummer'."""
    if not _NUMBERED.search(between):
        return None
    match = _NEAR_STREET.search(reading.lower, max(0, stop - 52), stop)
    if match is None or not match.group("street").endswith(BEST_ENDS) or match.group("street") in NO_STREET:
        return None
    return street_start(reading, match.start("street"))


def _street_behind(reading: Reading, start: int, end: int) -> tuple[int, int] | None:
    """'op nummer 12 van de Kerkstraat': the number in front."""
    cue = _HOUSE_CUE.search(reading.before(start, 14))
    if cue is None:
        return None
    behind = _BEHIND.match(reading.lower, end, min(len(reading.lower), end + 90))
    if behind is None:
        return None
    street = behind.group("street")
    if not street.endswith(BEST_ENDS) or len(street) < 5 or street in NO_STREET or street in _BARE_ENDS:
        return None
    return start - len(cue.group().lstrip()) if "n" in cue.group() else start, behind.end("street")
