"""Numbers that stand for somebody: bank accounts, citizen service numbers, chamber of commerce, documents."""

import re
from collections.abc import Iterator

from stdnum import iban
from stdnum.exceptions import ValidationError
from stdnum.nl import bsn

from intake.anonymiser.reading import Reading

Found = tuple[int, int, str]

#: The two check digits; the letters of the country stand in front of them, closed up or with a space.
_IBAN_CHECK = re.compile(
    r"\d(?:(?<=[A-Za-z]{2}\d)(?<![^\W_][A-Za-z]{2}\d)|(?<=[A-Za-z]{2} \d)(?<![^\W_][A-Za-z]{2} \d))"
    r" ?\d(?=[ .-]{0,2}[A-Za-z0-9])"
)
_IBAN_REST = re.compile(r"(?:[ .-]{0,2}[A-Za-z0-9]){9,32}")
_IBAN_LENGTHS = {
    "nl": 18, "be": 16, "de": 22, "fr": 27, "pl": 28, "es": 24, "it": 27, "pt": 25, "ro": 24, "bg": 22, "gb": 22,
    "lt": 20, "lv": 21, "ee": 20, "ie": 22, "lu": 20, "at": 20, "ch": 21, "cz": 24, "sk": 24, "hu": 28, "gr": 27,
    "hr": 21, "si": 19, "tr": 26, "se": 24, "dk": 18, "fi": 18, "no": 15, "mt": 31, "cy": 28, "ua": 29, "ma": 28,
    "al": 28, "rs": 22, "ba": 20, "mk": 19, "md": 24, "ge": 22, "ae": 23, "sa": 24, "li": 21, "is": 26, "mc": 27,
}  # fmt: skip
#: 'al 18.000 euro' has a country and digits too.
_FEWEST_DIGITS = 8
_OLD_ACCOUNT = re.compile(
    r"\b(?:bankreken(?:ing)?|rekening(?:nummer|nr)?|rek\.?(?:nr|nummer)?\.?|giro(?:nummer)?|bankrek)\b[^\d\n]{0,22}(?P<value>\d(?:[ .-]?\d){6,9})(?![\w])"
)


def find_accounts(reading: Reading) -> Iterator[Found]:
    """IBANs by length and checksum (ISO 13616); beside a cue also one with a typing error, or an old number."""
    text = reading.text
    for match in _IBAN_CHECK.finditer(text):
        start = match.start() - (3 if text[match.start() - 1] == " " else 2)
        length = _IBAN_LENGTHS.get(reading.lower[start : start + 2])
        rest = _IBAN_REST.match(text, match.end()) if length else None
        if length is None or rest is None:
            continue
        end = _nth_alnum(text, start, rest.end(), length)
        whole = end is not None and not (end < len(text) and text[end].isalnum() and text[end - 1].isalnum())
        if end is not None and (_is_iban(text[start:end]) or (whole and _has_bank_shape(text[start:end]))):
            yield start, end, "IBAN"
        elif re.search(
            r"\b(?:iban|rek|bank|rekening|overmaken|overgemaakt|gestort|storten)",
            reading.before(start, 50),
        ) or (
            re.match(r"[A-Za-z]{4}", text[match.end() :].lstrip(" .-")[:4])
            and sum(c.isdigit() for c in rest.group()) >= 8
        ):
            end = _last_group(text, start, rest.end(), length)
            if sum(map(str.isdigit, text[start:end])) >= _FEWEST_DIGITS:
                yield start, end, "IBAN"
    if reading.has_long_number and ("rek" in reading.lower or "giro" in reading.lower):
        for match in _OLD_ACCOUNT.finditer(reading.lower):
            yield *match.span("value"), "IBAN"


def _nth_alnum(text: str, start: int, stop: int, count: int) -> int | None:
    for at in range(start, stop):
        count -= text[at].isalnum()
        if count == 0:
            return at + 1
    return None


def _has_bank_shape(value: str) -> bool:
    """A Dutch account has four letters and ten digits, also when its check digits are wrong."""
    plain = re.sub(r"[^A-Za-z0-9]", "", value)
    return re.fullmatch(r"(?i)nl\d{2}[a-z]{4}\d{10}", plain) is not None


def _last_group(text: str, start: int, stop: int, length: int) -> int:
    """The end of the last group with a digit in it, at most two characters beyond the right length."""
    end = _nth_alnum(text, start, stop, min(length + 2, 34)) or stop
    while end > start and not text[end - 1].isdigit():
        end -= 1
    return end


def _is_iban(value: str) -> bool:
    try:
        iban.validate(value.replace(".", ""), check_country=False)
    except ValidationError:
        return False
    return True


_NINE = re.compile(r"\d(?<![\w€]\d)(?<!\d[.,-]\d)(?:[ .-]?\d){7,8}(?![\w])(?![-.,]\d)")
_BSN_CUE = re.compile(
    r"(?:b(?<!\wb)(?:\.?s\.?n\.?|urger ?service ?(?:nummer|nr)?|urgerservicen\w{0,6}|sn-?(?:nr|nummer)?)|"
    r"s(?<!\ws)ofi(?:-?nummer|-?nr)?)\b(?:[^\n]{0,24}|[^\n\d]{0,40})$"
)
_BSN_AFTER = re.compile(
    r"[\s,()]{0,2}(?:\(?bsn|is (?:zijn|haar|het|diens) (?:bsn|burgerservice)|als bsn|= bsn)"
)
_OTHER_NUMBER = re.compile(
    r"(?:zaak|dossier|mutatie|meter|stand|meld|order|factuur|klant|polis|pakket|track|trace|serie|ean|imei|chassis|vin|code|"
    r"proces|pv|referentie|ref|kenmerk|registratie|ticket|lidmaatschap|pas|sticker|model|artikel|bon|transactie|betaal|"
    r"bestel|contract|inschrijf|kvk|koophandel|rsin|btw|vergunning|kadast|perceel|object|tag|container|zegel|lot|batch|"
    r"aansluit|energie|gas|stroom|water|euro|eur|€|rapport|case|incident|inc|wet|bag|vestiging|handelsregister|"
    r"document|rijbewijs|paspoort|pasp|id-|verblijf|tel|bel|bereik|mobiel|gsm|rekening|giro|post|bus)[a-z-]{0,16}\.?[\s:#(]{0,2}"
    r"(?:(?:nr|nummer|no|n°|is|met|onder|op|in|de|het|heeft|had|van|code|staat|stond|luidt|als)\b[\s:.#(]{0,2}){0,4}$"
)


def find_citizen_numbers(reading: Reading) -> Iterator[Found]:
    """Nine digits that pass the eleven-test, and any eight or nine digits beside the word for it."""
    for match in _NINE.finditer(reading.text) if reading.has_long_number else ():
        before = reading.before(match.start(), 48)
        digits = re.sub(r"\D", "", match.group())
        if _BSN_CUE.search(before) and not re.search(r"\d{4}|kvk|tel", before[-24:]):
            yield match.start(), match.end(), "BSN"
        elif len(digits) == 9 and (bsn.is_valid(digits) or _BSN_AFTER.match(reading.lower, match.end())):
            is_other = _OTHER_NUMBER.search(before) is not None or _is_money(reading, match.end())
            if is_other:
                continue
            yield match.start(), match.end(), "BSN"


def _is_money(reading: Reading, end: int) -> bool:
    return re.match(r"\s?(?:euro|eur|€|,-|kwh|m3|meter)", reading.after(end, 8)) is not None


_EIGHT = re.compile(r"\d(?<![\w€]\d)(?<!\d[.,-]\d)(?:[ .-]?\d){7}(?:(?:[ .-]?\d){4})?(?![\w])(?![-.,]\d)")
_KVK_CUE = re.compile(
    r"(?:k(?<!\wk)\.?v\.?k\b\.?|kamer v\w{0,2}\.? ?koophandel|koophandel|handelsreg|kvk(?<!\wkvk)-?(?:nu?m|nr|no)|"
    r"rsin(?<!\wrsin)\b|vestigingsn(?:ummer|r)|hr(?<!\whr)-?n(?:ummer|r)|inschrijf(?:nummer|nr)|inschrijvings(?:nummer|nr)|"
    r"\b(?:kv|vk|kk|kkv|vkk|kvkk|kkvk|kvvk)(?=[-:\s]{1,2}(?:nu?m|nr|\Z))|kamer van ko\w{7,9}|hand\w{2,4}sre\w?g)"
)
_KVK_AFTER = re.compile(r"[\s,]{0,2}\(?(?:kvk|bij de kvk|in het handelsregister|bij de kamer van)")


def find_business_numbers(reading: Reading) -> Iterator[Found]:
    """Numbers of the chamber of commerce; eight digits mean nothing without the word beside them."""
    for match in _EIGHT.finditer(reading.text) if reading.has_long_number else ():
        between = reading.since(_KVK_CUE, match.start(), 80)
        named = between is not None and not re.search(
            r"\d{6}|\n|\b(?:tel|bel|bsn|zaak|mutatie|meter)", between
        )
        if named or _KVK_AFTER.match(reading.lower, match.end()):
            yield match.start(), match.end(), "KVK"


_DOCUMENT = re.compile(
    r"(?<![\w@./-])(?=[a-z]{0,9}[ -]?\d|[a-z]{2}[a-z0-9]{6}\d)[a-z0-9]{2,3}[ -]?(?:[a-z0-9][ -]?){3,8}[a-z0-9](?![\w@])"
)
_DOCUMENT_CUE = re.compile(
    r"(?:paspo?o?rt|pasp\b|pp(?<!\wpp)\b|documentn|document|doc(?<!\wdoc)(?:\b|nr)|id-?kaart|id(?<!\wid)\b|i(?<!\wi)\.d\.|"
    r"identiteits?-?(?:kaart|bewijs)|identiteit|legitim|rij ?bewijs|rijbew|rijb(?<!\wrijb)\b|legit(?<!\wlegit)|rbw(?<!\wrbw)\b|"
    r"rb(?<!\wrb)\b|verblijfs|v(?<!\wv)-?(?:nummer|nr)\b|vreemdelingen|nik(?<!\wnik)\b|vnr(?<!\wvnr)\b|kaartnummer|identificat)"
)
_DUTCH_DOCUMENT = re.compile(r"[A-NP-Z]{2}[A-NP-Z0-9]{6}\d")
_FIVE_DIGITS = re.compile(r"\d{5}")
#: 'NL 123456'; found by its digits, for these are rarer than letters.
_LETTERED_CODE = re.compile(
    r"\d(?:(?<=[a-z]{2}[ -]\d)(?<![\w@./-][a-z]{2}[ -]\d)|(?P<three>)(?<=[a-z]{3}[ -]\d)(?<![\w@./-][a-z]{3}[ -]\d))"
    r"\d{4,6}(?![\w@])"
)
_SPLIT_CODE = re.compile(r"\d(?<![\w@./-]\d)(?:\d{2}[ .-]?\d{3}[ .-]?\d{3,4}|(?:[ .]?\d){9})(?![\w@])")


def find_documents(reading: Reading) -> Iterator[Found]:
    """Numbers of passports, identity cards, driving licences and residence papers, Dutch and foreign."""
    text, low = reading.text, reading.lower
    for start, end in _codes(reading):
        digits = sum(map(str.isdigit, text[start:end]))
        named = _is_named_document(reading, start)
        if named and (digits < end - start or end - start >= 8):
            if digits >= 2 or _DUTCH_DOCUMENT.fullmatch(low[start:end].upper()):
                yield start, end, "DOCUMENT"
        elif digits >= 2 and _DUTCH_DOCUMENT.fullmatch(text[start:end]) and digits < 9:
            if reading.before(start, 10) == "container ":
                continue
            yield start, end, "DOCUMENT"
    if not (reading.has_long_number or _FIVE_DIGITS.search(low)):
        return
    found = [(m.start() - (3 if m["three"] is None else 4), m.end()) for m in _LETTERED_CODE.finditer(low)]
    found += [match.span() for match in _SPLIT_CODE.finditer(low)]
    for start, end in found:
        if _is_named_document(reading, start):
            yield start, end, "DOCUMENT"


def _codes(reading: Reading) -> Iterator[tuple[int, int]]:
    """Words of six to twelve letters and digits that stand by themselves and are not taken."""
    text = reading.text
    for at in reading.numbered:
        start, end = reading.word_span(at)
        left, right = text[max(0, start - 1) : start], text[end : end + 1]
        if not 6 <= end - start <= 12 or left in ("@", "/", ".") or right in ("_", "@"):
            continue
        if text[start:end].isascii() and reading.is_free(start, end):
            yield start, end


_NEARER = re.compile(
    r"\b(?:bsn|container|tel|telefoon|bereikbaar|appen|bellen|kvk|kenteken|kt|vtg|geb|iban|rek|zaak\w*|mutatie\w*|ean|postcode|06)\b|meter|meld|dossier|pakket|\d{5}|[!?\n]|(?<!nr)(?<!no)(?<!doc)\.\s"
)


def _is_named_document(reading: Reading, at: int) -> bool:
    """A word for papers stands before, and no other kind of number is named in between."""
    between = reading.since(_DOCUMENT_CUE, at, 76)
    return between is not None and len(between) < 56 and _NEARER.search(between.lstrip(". :")) is None
