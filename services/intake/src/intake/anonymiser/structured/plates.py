"""Number plates: the Dutch side codes, foreign ones, and parts of one that a witness remembers."""

import re
from collections.abc import Iterator
from string import ascii_letters, digits

from intake.anonymiser.lexicon import is_dutch_word, words
from intake.anonymiser.reading import Reading

Found = tuple[int, int, str]

#: RDW side codes 1 to 14, letters L and digits 9.
_DUTCH = frozenset(
    {
        "LL9999", "9999LL", "99LL99", "LL99LL", "LLLL99", "99LLLL", "99LLL9", "9LLL99",
        "LL999L", "L999LL", "LLL99L", "L99LLL", "9LL999", "999LL9",
    }
)  # fmt: skip
_FOREIGN = re.compile(
    r"[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2}[- ]?\d{1,4}[EH]?"  # Germany
    r"|[A-Z]{2,3} ?(?=[A-Z0-9]{0,3}\d)[A-Z0-9]{4,5}"  # Poland
    r"|[1-9][- ]?[A-Z]{3}[- ]?\d{3}|[A-Z]{3}[- ]?\d{3}|\d{3}[- ]?[A-Z]{3}"  # Belgium, Lithuania, Hungary
    r"|[A-Z]{1,2}[ -]?\d{4}[ -]?[A-Z]{1,2}"  # Bulgaria, Ukraine
    r"|[A-Z]{1,2}[ -]?\d{2,3}[ -]?[A-Z]{3}"  # Romania
    r"|[A-Z]{2}[- ]?\d{3}[- ]?[A-Z]{2}"  # France, Italy, Slovakia
    r"|[A-Z]{2}\d{2} ?[A-Z]{3}|\d{4} ?[A-Z]{3}"  # United Kingdom, Spain
    r"|\d{2} ?[A-Z]{1,3} ?\d{2,5}|\d[A-Z][A-Z0-9][ -]?\d{4}"  # Turkey, Czechia
    r"|[A-Z]{4}[- ]?\d{3}|[A-Z]{2}[ -]\d{3} \d{3}|[A-Z]{1,2}[ -]\d{2,5} ?[A-Z]{1,2}"  # Hungary, Switzerland, Austria
    r"|[A-Z]{1,2}[- ]?\d{3,6}[A-Z]{0,2}|[A-Z]{2} \d{2} \d{3}|[A-Z]{3} ?\d{2}[A-Z0-9]|[A-Z]{2}[- ]\d{1,4}"
)
_SURE_FOREIGN = re.compile(
    r"[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} ?\d{1,4}|[1-9]-[A-Z]{3}-\d{3}|[A-Z]{2}-\d{3}-[A-Z]{2}|[A-Z]{1,2} \d{4} [A-Z]{2}|[A-Z]{1,2} ?\d{2,3} ?[A-Z]{3}|[A-Z]{2}\d{4}[A-Z]{2}"
)
_CUE = re.compile(
    r"(?:kenteken|nummerplaat|nummerbord|pla(?<!\wpla)(?:at|ten)|kt(?<![\w-]kt)s?\b(?!-)|vtg(?<!\wvtg)\b|kentken|kentekne|ketneken|knteken|kentkeen|kenteekn)[a-z]{0,6}"
)
_SHAPE = {**dict.fromkeys(map(ord, ascii_letters), "L"), **dict.fromkeys(map(ord, digits), "9")}
_UNUSED_IN_PLATES = frozenset("aeiouyqcm")
_MAKES = words("makes")
_LANDS = (
    "pools|duits|belg|roemeen|bulgaar|frans|litouw|turks|spaans|hongaar|tsjech|slowaak|oekra|engels|brits|italiaan|"
    "zweed|deens|noors|fins|luxemb|zwitser|oostenrijk|portug|letse|letland|estisch|grieks|servisch|kroati|sloveen|moldav|"
    "albane|macedon|bosnisch|russisch|marokkaans"
)
_ABROAD = re.compile(rf"buitenl|kenteken|\b(?:{_LANDS})")
_STEMS = ("kent", "knt", "ketn", "plaat", "platen", "nummerbord", "kt", "vtg")
_VEHICLE = re.compile(
    r"kenteken|plaat|nummerbord|\bkt\b|vtg|voertuig|\bauto|\bbus|busje|wagen|\bbak\b|scooter|motor|bestel|aanhang|vrachtwagen|trailer|caravan|"
    rf"camper|brommer|\b(?:{_LANDS})|"
    r"rijdt|rijden|reed|gereden|geparkeerd|parkeer|sprinter|transit|vito|golf|polo|passat|caddy|audi|bmw|mercedes|volkswagen|\bvw\b|"
    r"opel|ford|fiat|renault|peugeot|citro|toyota|volvo|seat|skoda|kia|hyundai|mazda|nissan|tesla|porsche|mini|suzuki|dacia|"
    r"range|rover|clio|corsa|astra|focus|fiesta|yaris|leon|ibiza|ducato|partner|berlingo|kangoo|trafic|master|crafter|tnv|t\.n\.v"
)
_IS_A_VEHICLE = re.compile(
    r"[\s,)]{1,2}(?:is|was|hoort bij|staat op|stond op|van) (?:\w{2,8} ){0,2}(?:bus|busje|auto|wagen|bestelbus|scooter|bak)\b"
)
_UNITS = frozenset(
    ["km", "kg", "cm", "mm", "mg", "ml", "st", "nr", "uur", "min", "sec", "pk", "kw", "kwh", "mb", "gb", "tb", "ct", "ton", "mtr", "bv", "nv", "vmbo", "am", "pm", "hs", "bg", "fw", "sw", "nr", "dvd", "cd", "tv", "pc", "wc", "rs", "gti", "tdi", "hdi"]
)  # fmt: skip
_GAPS = frozenset({"-", " ", ".", " - ", "–", " -", "- ", "·", "/", "--", "  "})


def find_plates(reading: Reading) -> Iterator[Found]:
    """Plates of any country; a part of one only where the text speaks of a plate."""
    speaks_of_plates = any(stem in reading.lower for stem in _STEMS)
    if speaks_of_plates:
        yield from _after_cue(reading)
    end = 0
    for at in reading.numbered:
        span = reading.word_span(at)
        found = _around(reading, at) if span[0] >= end and reading.is_free(*span) else None
        if found:
            yield found[0], found[1], "KENTEKEN"
            end = found[1]
    if speaks_of_plates:
        yield from _parts(reading)


def _around(reading: Reading, at: int) -> tuple[int, int] | None:
    """The longest run of up to four words around this one that has the shape of a plate."""
    lowest, highest = _reach(reading, at)
    if "".join(reading.words[lowest : highest + 1]).isdigit():
        return None
    for size in range(min(4, highest - lowest + 1), 0, -1):
        for first in range(max(lowest, at - size + 1), min(at, highest - size + 1) + 1):
            last = first + size - 1
            start, end = reading.word_span(first)[0], reading.word_span(last)[1]
            gaps = reading.gaps[first + 1 : last + 1]
            if " " in gaps and "-" in gaps and last < highest and reading.gaps[last + 1] == "-":
                continue  # 'is FN-128' of 'is FN-128-K'
            if not 4 <= end - start <= 14 or not _stands_alone(reading.text, start, end):
                continue
            parts = reading.words[first : last + 1]
            if reading.is_free(start, end) and _is_plate(reading, start, end, parts):
                return start, end
    return None


def _reach(reading: Reading, at: int) -> tuple[int, int]:
    """The first and last word, three away at most, that can stand in one plate with word `at`."""
    words, gaps = reading.words, reading.gaps
    if not _fits(words[at]):
        return at, at - 1
    first = last = at
    while first > 0 and at - first < 3 and gaps[first] in _GAPS and _fits(words[first - 1]):
        first -= 1
    while last + 1 < len(words) and last - at < 3 and gaps[last + 1] in _GAPS and _fits(words[last + 1]):
        last += 1
    return first, last


def _fits(word: str) -> bool:
    return len(word) <= (4 if word.isalpha() else 9) and word.isascii()


def _stands_alone(text: str, start: int, end: int) -> bool:
    left, right = text[start - 1 : start], text[end : end + 1]
    if left in ("@", "_", "/", "€", "#") or right in ("@", "_", "€", "%"):
        return False
    if (
        left in ("-", ".", ",", ":")
        and start > 1
        and text[start - 2].isalnum()
        and left != ","
        and not (left in ".:" and text[start - 2].isalpha())
    ):
        return False
    return not (right in ("-", ":", ".", ",") and text[end + 1 : end + 2].isdigit())


def _is_plate(reading: Reading, start: int, end: int, parts: list[str]) -> bool:
    shape = "".join(parts).translate(_SHAPE)
    if shape.isdigit() or not _MAKES.isdisjoint(parts):
        return False
    value = reading.text[start:end].upper()
    if shape not in _DUTCH and not _FOREIGN.fullmatch(value):
        return False
    written = reading.text[start:end]
    is_upper = written.isupper() and not reading.is_upper
    if not is_upper and written != reading.lower[start:end] and _has_small_word(written):
        return False
    is_abroad = shape not in _DUTCH and reading.speaks_of(_ABROAD)
    if not is_abroad and _reads_as_words(reading.lower[start:end], is_upper, True):
        return False  # whatever stands in front
    near = _VEHICLE.search(reading.before(start, 90)) is not None
    near = near or _IS_A_VEHICLE.match(reading.lower, end) is not None
    cue = _CUE.search(reading.before(start, 40)) is not None
    is_foreign = is_abroad and _ABROAD.search(reading.before(start, 40)) is not None
    is_foreign = is_foreign and all(part.isdigit() or len(part) < 3 or is_upper for part in parts)
    is_foreign = is_foreign and not any(len(part) > 2 and is_dutch_word(part) for part in parts)
    if not is_foreign and _reads_as_words(reading.lower[start:end], is_upper, near or cue):
        return False
    if shape in _DUTCH:
        joined = len(parts) == 1 or " " not in reading.text[start:end]
        return (
            is_upper
            or near
            or cue
            or len(parts) == 3
            or _UNUSED_IN_PLATES.isdisjoint("".join(parts))
            or (joined and len(parts) > 1)
        )
    if _SURE_FOREIGN.fullmatch(value) and (is_upper or (len(parts) == 3 and value.count("-") == 2)):
        return True
    return (cue or (near and (is_upper or reading.letters_only))) and shape.count("9") >= 2


def _has_small_word(written: str) -> bool:
    """'en P-49': a word in front of a plate in capitals, which begins behind it."""
    return any(part.islower() and is_dutch_word(part) for part in re.split(r"[ .·/–-]+", written))


def _reads_as_words(value: str, is_upper: bool, near: bool) -> bool:
    """'14 auto' or 'rond 22 uur': a number between words that stand by themselves."""
    parts = value.split(" ")
    if len(parts) == 1 or (is_upper and near):
        return False
    for part in parts:
        if part in _UNITS and not (near and len(parts) == 3 and parts[1] == part):
            return True
        if (
            part.isalpha()
            and not is_upper
            and is_dutch_word(part)
            and (len(part) > 2 or set(part) & set("aeiou"))
        ):
            return True
    return False


_AFTER_CUE = re.compile(
    rf"{_CUE.pattern}(?:nummer|nr)?\.?[\s:,(\"'“‘]{{1,3}}"
    r"(?:(?:is|was|luidt|nr|nummer|met|van|de|het|en|of|zijn|waren|ongeveer|iets|als|vermoedelijk|volgens|mij|dacht|ik|denk|begint|begon|beginnend|eindigt|eindigend|eindigde|op|deels|gedeeltelijk|"
    r"nl|pl|d|duits|pools|belgisch|bulgaars|roemeens|frans|bestelbus|wit|zwart|blauw|geel|gele|witte|zwarte|auto|letters|cijfers|eerste|laatste|stuk|deel|zoals|ook|nog|alleen|maar|gezien)[\s:,\"'“‘(]{1,3}){0,6}"
)
_VALUE = re.compile(
    r"(?=[A-Za-z0-9?*. -]{0,8}[A-Za-z0-9])[A-Za-z0-9?*]{1,8}(?:(?: ?- ?| |\.)[A-Za-z0-9?*]{1,5}){0,3}(?![\w@])"
)


def _after_cue(reading: Reading) -> Iterator[Found]:
    text = reading.text
    for cue in _AFTER_CUE.finditer(reading.lower):
        value = _VALUE.match(text, cue.end())
        if value is None:
            continue
        end = _plate_end(text, value.start(), value.end(), reading)
        if end:
            yield value.start(), end, "KENTEKEN"


def _plate_end(text: str, start: int, end: int, reading: Reading) -> int:
    """The end of what can be a plate from here on, dropping groups that are words; 0 when nothing is left."""
    groups = [(m.start(), m.end(), m.group()) for m in re.finditer(r"[A-Za-z0-9?*]+", text[start:end])]
    kept: list[tuple[int, int, str]] = []
    for group in groups:
        low = group[2].lower()
        has_digit = any(char.isdigit() for char in low)
        is_word = not has_digit and (
            len(low) > 3
            or (
                text[start + group[0] - 1] in " :"
                and (
                    (is_dutch_word(low) and not group[2].isupper())
                    or (low in _UNITS and bool(kept) and (reading.is_upper or not group[2].isupper()))
                )
            )
            or (reading.letters_only and set(low) & set("aeiou"))
        )
        if (has_digit and len(low) > 8) or is_word or (kept and sum(len(g[2]) for g in kept) + len(low) > 9):
            break
        kept.append(group)
    while kept and re.fullmatch(r"[?*.]+", kept[-1][2]):
        kept.pop()
    plain = "".join(group[2] for group in kept)
    if not kept or len(plain) < 2:
        return 0
    digits = sum(char.isdigit() for char in plain)
    lettered = plain.isalpha() and (plain.isupper() and len(plain) <= 3) and not reading.is_upper
    if not (digits and not plain.isdigit()) and not lettered and not (plain.isdigit() and len(plain) <= 4):
        return 0
    return start + kept[-1][1]


_PART_VALUE = r"[\"'“‘]?(?P<value>[A-Z0-9]{1,4}(?:[- ][A-Z0-9?*]{1,4}){0,2}|[a-z]{0,3}[- ]?\d{1,3}[- ]?[a-z]{1,3})[\"'”’]?"
_PART = re.compile(
    rf"(?:\b(?:met|van|als|op|letters?|cijfers?|combinatie|begint|iets|Met|Iets)[ :]{{1,2}}(?:de |een |het )?(?:letters? |cijfers? |combinatie )?)"
    rf"{_PART_VALUE} ?(?:erin |er ?in |en nog (?:iets|wat) )?(?:in|op|op de|van|staat|als|aan het begin van|aan het eind van|vooraan|achteraan)? ?"
    r"(?:het|t|'t|de|zijn|zn|z'n|hun|haar|een)? ?(?:kenteken|nummerbord|nummerplaat|plaat|plaatje)"
)
_MASKED = re.compile(
    r"(?<![\w.?*-])(?:[A-Z0-9]{1,3}-)?(?:\?{1,3}|\*{1,3}|\.{2,3}|[xX]{2,3})-(?:[A-Z0-9]{1,3}-)?[A-Z0-9]{1,3}(?![\w-])|(?<![\w-])[A-Z0-9]{1,3}-[A-Z0-9]{1,3}-(?:\?{1,3}|\*{1,3}|\.{2,3})"
)
_BEGINS = re.compile(
    r"(?:begin(?:t|nend|nen)?|eindig(?:t|end)|eerste|laatste)\b[^.\n]{0,30}?\b(?:met|op|letters?|cijfers?|zijn|is)[ :]{1,2}(?:de letters? |de cijfers? )?[\"'“‘]?(?P<value>[A-Z0-9]{1,3}(?:[- ][A-Z0-9]{1,3}){0,2})\b"
)


def _parts(reading: Reading) -> Iterator[Found]:
    text = reading.text
    for pattern in (_PART, _BEGINS):
        for match in pattern.finditer(text):
            near = _CUE.search(reading.lower, max(0, match.start() - 70), match.end() + 40)
            value = match.group("value")
            if near and (value.isupper() or not is_dutch_word(value.lower())):
                yield *match.span("value"), "KENTEKEN"
    if not ("?" in text or "*" in text or ".." in text or "xx" in reading.lower):
        return
    for match in _MASKED.finditer(text):
        if any(char.isalnum() and char not in "xX" for char in match.group()):
            yield match.start(), match.end(), "KENTEKEN"
