"""Recognisers for what has a form of its own: numbers with checksums, addresses, plates, accounts, links.

Every pattern is linear: quantifiers are bounded and do not nest over the same characters.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum import iban
from stdnum.exceptions import ValidationError
from stdnum.nl import bsn

from intake.anonymiser.span import Span

#: Numbers everyone may know; hiding them would hide what happened.
PUBLIC_NUMBERS = frozenset(
    {"112", "144", "08007000", "08002000", "09008844", "14020", "14010", "14070", "088"}
)

_LETTERS = "A-Za-zÀ-ÖØ-öø-ÿ"
_STREET_END = (
    "straat|straten|str|laan|weg|plein|gracht|kade|singel|steeg|dijk|hof|pad|park|plantsoen|boulevard|baan|"
    "dreef|markt|ring|wal|haven|kamp|akker|veld|berg|dam|burg|horst|oord|passage|poort|brink|erf|kwartier|zoom|"
    "zijde|sluis|brug|vaart|wetering|es|donk|hoek|made|waard|wijk|borch|rak|meent|bos|hout|heide|hage|tuin|lanen"
)


@dataclass(frozen=True)
class Recogniser:
    """A type, its pattern, and what must also hold; the span is group `value`, or the whole match."""

    type: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda _value: True


def find_structured(text: str) -> list[Span]:
    """Every structured span, earlier recognisers first where two overlap."""
    taken = bytearray(len(text))
    found: list[Span] = []
    for recogniser in RECOGNISERS:
        for start, end in _matches(recogniser, text):
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(Span(start, end, recogniser.type, _key(recogniser.type, text[start:end])))
    return found


def _matches(recogniser: Recogniser, text: str) -> Iterator[tuple[int, int]]:
    for match in recogniser.pattern.finditer(text):
        group = "value" if "value" in recogniser.pattern.groupindex else 0
        if recogniser.holds(match.group(group)):
            yield match.span(group)


def _key(kind: str, value: str) -> str:
    plain = re.sub(r"[\W_]", "", value).lower()
    if kind == "TELEFOON":
        return re.sub(r"^(?:00)?31", "0", plain)
    return plain


def _digits(value: str) -> str:
    return re.sub(r"\D", "", value)


def _is_iban(value: str) -> bool:
    try:
        iban.validate(value, check_country=False)
    except ValidationError:
        return False
    return True


def _is_bsn(value: str) -> bool:
    digits = _digits(value)
    return len(digits) == 9 and bool(bsn.is_valid(digits))


def _is_phone(value: str) -> bool:
    digits = _digits(value)
    if digits in PUBLIC_NUMBERS or digits.startswith(("0800", "0900")):
        return False
    if value.startswith("+") or digits.startswith("00"):
        return 9 <= len(digits) <= 15
    return len(digits) == 10 and digits[0] == "0" and digits[1] != "0"


_SIDE_CODES = (
    "LL99 99", "99 99LL", "99LL99", "LL99LL", "LLLL99", "99LLLL", "99LLL9", "9LLL99",
    "LL999L", "L999LL", "LLL99L", "L99LLL", "9LL999", "999LL9",
)  # fmt: skip


def _is_plate(value: str) -> bool:
    plain = re.sub(r"[ -]", "", value).upper()
    shape = re.sub(r"[A-Z]", "L", re.sub(r"\d", "9", plain))
    return shape in _PLATE_SHAPES and not _reads_as_words(value)


def _reads_as_words(value: str) -> bool:
    """'14 auto' and '2026 is': a number beside a lower-case word; letters on a plate have no vowels."""
    letters = re.sub(r"[^A-Za-z]", "", value)
    return " " in value and not letters.isupper() and bool(set("aeiouy") & set(letters.lower()))


_PLATE_SHAPES = frozenset(code.replace(" ", "") for code in _SIDE_CODES)

_PLATE_CUE = r"(?:kentekens?|kentekennummer|kenteken[a-z]{0,6}|kt|vtg|nummerplaat|nummerbord|platen?|plaat|zoals|auto's|autos)"
_NUMBER_CUE = r"[\s:.#=-]{0,4}(?:(?:is|nr|nummer|no|van|onder|luidt|met|onder\s+nummer)[\s:.#]{1,3}){0,2}"

RECOGNISERS: tuple[Recogniser, ...] = (
    Recogniser("EMAIL", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")),
    Recogniser(
        "EMAIL",
        re.compile(
            r"[\w.+-]{1,64}\s{0,2}(?:\[at\]|\(at\)|\{at\}|\bapenstaartje\b|\bat\b)\s{0,2}"
            r"[\w-]{1,63}\s{0,2}(?:\.|\[dot\]|\(dot\)|\bpunt\b|\bdot\b)\s{0,2}[a-z]{2,6}\b",
            re.IGNORECASE,
        ),
    ),
    Recogniser(
        "SOCIAL",
        re.compile(
            r"(?:https?://|www\.)[^\s<>\"]{3,200}[\w/]"
            r"|\b(?:instagram|facebook|snapchat|tiktok|twitter|telegram|t|x|wa|linkedin|onlyfans|marktplaats)"
            r"\.(?:com|me|nl)/[^\s<>\"]{1,120}[\w/]",
            re.IGNORECASE,
        ),
        lambda value: "gemeente" not in value and "politie" not in value,
    ),
    Recogniser(
        "IBAN", re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b"), _is_iban
    ),
    Recogniser(
        "IBAN",
        re.compile(
            rf"\b(?:iban|rekening(?:nummer)?)\b{_NUMBER_CUE}(?P<value>[A-Z]{{2}}\d{{2}} ?[A-Z0-9 ]{{10,32}}\d)\b",
            re.IGNORECASE,
        ),
    ),
    Recogniser(
        "IP",
        re.compile(
            r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]\d)\b"
        ),
    ),
    Recogniser(
        "IP",
        re.compile(
            r"(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4})?(?::[0-9a-f]{1,4}){0,6}(?![\w:])",
            re.IGNORECASE,
        ),
        lambda value: value.count(":") >= 3,
    ),
    Recogniser(
        "GEBOORTEDATUM",
        re.compile(
            r"\b(?:geboortedatum|geboren(?: op)?|geb\.?|geb\.? ?dat(?:um)?\.?|gebdatum|jarig(?: op)?|(?:hij|zij|ze) is van)[\s:]{0,3}(?:is |op |was )?"
            r"(?P<value>\d{1,2}[-./ ](?:\d{1,2}|[a-z]{3,9})[-./ ]\d{2,4}|\d{4}-\d{2}-\d{2})\b",
            re.IGNORECASE,
        ),
    ),
    Recogniser(
        "BSN",
        re.compile(
            rf"\b(?:bsn|burgerservicenummer|sofi(?:nummer)?)\b{_NUMBER_CUE}(?P<value>\d(?:[ .-]?\d){{7,8}})\b",
            re.IGNORECASE,
        ),
    ),
    Recogniser(
        "KVK",
        re.compile(
            r"\b(?:kvk|kamer van koophandel|handelsregister)\b[^\d\n]{0,30}(?P<value>\d(?:[ .-]?\d){7})(?![ .-]?\d)",
            re.IGNORECASE,
        ),
    ),
    Recogniser(
        "DOCUMENT",
        re.compile(
            r"\b(?:paspoort|documentnummer|document|id-?kaart|identiteitskaart|rijbewijs|verblijfs?[a-z]{0,10})"
            r"(?:nummer|nr|no)?\.?[\s:#]{0,3}(?:(?:nr|nummer|is|met|met nummer)[\s:.]{1,3})?(?P<value>(?=[A-Z]{0,9}\d)[A-Z0-9]{8,10})\b",
            re.IGNORECASE,
        ),
    ),
    Recogniser(
        "TELEFOON", re.compile(r"(?<![\w+])(?:\+|00)\d{1,3}(?:[ ()./-]{0,2}\d){7,12}(?!\d)"), _is_phone
    ),
    Recogniser("TELEFOON", re.compile(r"(?<![\w.,])\(?0\d(?:[ ()./-]{0,3}\d){8}(?!\d)"), _is_phone),
    Recogniser("BSN", re.compile(r"(?<![\w.,-])\d(?:[ .]?\d){8}(?![\w-])"), _is_bsn),
    Recogniser(
        "ADRES",
        re.compile(
            rf"(?<![\w])(?P<value>(?:(?:[A-Z][{_LETTERS}.'-]{{0,20}}|van|de|den|der|het|'t|ter|ten|aan) ){{0,3}}"
            rf"[{_LETTERS}'-]{{0,25}}(?:{_STREET_END})\.?,? ?(?:(?:nr|nummer|no|huisnummer)\.? ?)?"
            r"\d{1,4}(?:[ -]?(?:[a-hA-H]|[IVX]{1,4}|bis|hs|rd|\d{1,3}[a-z]?))?)\b(?![-./]\d)",
        ),
    ),
    Recogniser(
        "ADRES",
        re.compile(
            rf"(?<![\w])(?P<value>(?:[{_LETTERS}'-]{{0,25}}(?:{_STREET_END})|(?:'t|de|het) [A-Z][{_LETTERS}]{{2,20}}|"
            r"(?:adres|woont op|wonende)[: ]{1,2}[A-Z][\w' -]{2,25}?),? ?(?:nr|nummer|no)?\.? ?\d{1,4} ?[a-z]?)\b(?![-./:]\d)",
            re.IGNORECASE,
        ),
    ),
    Recogniser(
        "POSTCODE",
        re.compile(r"(?<![\w-])[1-9]\d{3} ?(?!SA|SD|SS)[A-Za-z]{2}(?![\w-])"),
        lambda v: (
            v[-2:].isalpha()
            and v[-2:].lower()
            not in {
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
            }
        ),
    ),
    Recogniser(
        "KENTEKEN",
        re.compile(
            r"(?<![\w-])(?=(?P<value>[A-Za-z0-9]{1,3}[ -]?[A-Za-z0-9]{2,3}[ -]?[A-Za-z0-9]{1,3})(?![\w-]))"
        ),
        lambda value: _is_plate(value) and any(c.isdigit() for c in value),
    ),
    Recogniser(
        "KENTEKEN",
        re.compile(
            rf"\b{_PLATE_CUE}[\s:.]{{1,3}}(?P<value>(?=[A-Za-z -]{{0,8}}\d)[A-Za-z0-9]{{1,4}}(?:[ -][A-Za-z0-9]{{1,5}}){{0,2}})(?![\w-])",
            re.IGNORECASE,
        ),
        lambda value: sum(c.isdigit() for c in value) >= 2 and any(c.isalpha() for c in value),
    ),
    Recogniser(
        "SOCIAL",
        re.compile(r"(?<![\w.])@[\w.]{2,30}\w"),
    ),
    Recogniser(
        "SOCIAL",
        re.compile(
            r"\b(?:insta(?:gram)?|snap(?:chat)?|telegram|tiktok|facebook|signal|wickr|gebruikersnaam|bericht naar|account)"
            r"(?: is| heet|:| naam| gebruikersnaam| account| naar){0,2} {0,2}(?P<value>[a-z][a-z0-9]{1,20}[._\d-][\w.-]{0,20}\w)",
            re.IGNORECASE,
        ),
    ),
    Recogniser(
        "SOCIAL",
        re.compile(
            r"(?<![\w.-])(?P<value>[a-z]{2,20}[._-][a-z0-9._-]{1,20}) op (?:insta|snap|telegram|tiktok|facebook)",
            re.IGNORECASE,
        ),
    ),
)
