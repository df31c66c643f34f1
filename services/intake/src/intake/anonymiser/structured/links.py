"""E-mail addresses (also written around), links, names on social media, and network addresses."""

import re
from collections.abc import Iterator

from intake.anonymiser.lexicon import is_dutch_word, is_first_name, is_listed_word, words
from intake.anonymiser.reading import Reading

Found = tuple[int, int, str]

_EMAIL = re.compile(r"[\w.+-]{1,64}$")
_DOMAIN = re.compile(r"[ ]?[\w-]{1,63}(?:[ ]?\.[ ]?[\w-]{2,63}){1,4}|[\w-]{2,63}")
_TOP = r"(?:nl|com|be|de|net|org|eu|pl|fr|me|info|ro|bg|tr|ma|uk|es|it|ru|io|ch|cn|gg|cc|top|online|shop)"
_PROVIDER = (
    r"(?:gmail|googlemail|hotmail|outlook|live|yahoo|icloud|ziggo|kpnmail|kpn|xs4all|planet|proton|protonmail|"
    r"tutanota|gmx|web|t-online|home|hetnet|quicknet|upcmail|caiway|telfort|tele2|solcon|me|msn|mail|wp|onet|"
    r"interia|o2|abv|yandex|casema|chello|versatel|zeelandnet|online|freeler|zonnet)"
)
_AT = r"(?:[\[({<]\s?(?:at|apenstaartje|apestaartje|apenstaart|@)\s?[\])}>]|\b(?:at|apenstaartje|apestaartje|apenstaart|aapje)\b)"
_DOT = r"(?:\s?[\[({<]\s?(?:dot|punt|\.)\s?[\])}>]\s?|\s(?:dot|punt)\s|\s?\.\s?)"
_AROUND = re.compile(
    rf"\s{{0,2}}{_AT}\s{{0,2}}(?:[a-z0-9][a-z0-9-]{{1,30}}{_DOT}){{1,3}}{_TOP}\b|\s{{0,2}}{_AT}\s{{0,2}}{_PROVIDER}\b"
)
_AT_WORD = re.compile(_AT)
_LOCAL = re.compile(
    r"(?:[a-z0-9_+-]{1,40}(?:\.|\s(?:punt|dot|underscore|streepje)\s|[(\[]?punt[)\]]?)){0,3}[\w+-]{1,40}$"
)


def find_emails(reading: Reading) -> Iterator[Found]:
    """Addresses with an at sign, and those that write it in words or brackets."""
    text, low = reading.text, reading.lower
    at = text.find("@")
    while at != -1:
        local = _EMAIL.search(text, max(0, at - 66), at)
        if local is None and text[max(0, at - 1) : at + 2] == " @ ":
            local = _EMAIL.search(text, max(0, at - 66), at - 1)
        domain = _DOMAIN.match(text, at + 1) if local else None
        if local and domain and ("." in domain.group() or domain.group() in low):
            start = local.start() + len(local.group()) - len(local.group().lstrip("."))
            spaced = " " in text[local.end() : at + 2]
            end = _domain_end(text, at + 1, domain.end())
            if start < at and (not spaced or "." in domain.group()):
                yield start, end, "EMAIL"
        at = text.find("@", at + 1)
    if (
        "punt" in low
        or " at " in low
        or "apen" in low
        or "(at" in low
        or "[at" in low
        or "{at" in low
        or "apest" in low
        or "(@" in low
        or "[@" in low
        or "(apen" in low
    ):
        yield from _written_around(low)


def _domain_end(text: str, start: int, end: int) -> int:
    """Where a domain ends: 'voorbeeld.nl. Hij' has a full stop behind it, 'voorbeeld . nl' has not."""
    parts = re.split(r"[ ]?\.[ ]?", text[start:end])
    kept = parts[:1]
    for part in parts[1:]:
        if not part.isascii() or (part[:1].isupper() and not parts[0][:1].isupper()):
            break
        kept.append(part)
        if re.fullmatch(_TOP, part.lower()) and " " in text[start:end]:
            break
    rest = text[start:end]
    length = 0
    for number, part in enumerate(kept):
        length = rest.find(part, length) + len(part)
        if number + 1 == len(kept):
            break
    return start + length


def _written_around(low: str) -> Iterator[Found]:
    for sign in _AT_WORD.finditer(low):
        found = _AROUND.match(low, max(0, sign.start())) or _AROUND.match(low, sign.start())
        if found is None:
            continue
        stop = sign.start()
        while stop > 0 and low[stop - 1].isspace() and sign.start() - stop < 2:
            stop -= 1
        local = _LOCAL.search(low, max(0, stop - 90), stop)
        if local is not None:
            yield local.start(), found.end(), "EMAIL"


_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]{3,300}")
_SITE_END = re.compile(r"\.(?:com|me|nl|gg|ee|ru|be|net)/")
_SITES = (
    r"(?:instagram|instagr|facebook|fb|snapchat|tiktok|twitter|x|telegram|t|wa|linkedin|onlyfans|marktplaats|"
    r"youtube|discord|discordapp|vinted|twitch|pinterest|reddit|kinky|sexjobs|speurders|airbnb|booking|linktr|"
    r"threads|vk|ok|m|m\.me)"
)
_ON_A_SITE = re.compile(
    rf"(?<![\w@.-])(?:[a-z]{{1,3}}\.)?{_SITES}\.(?:com|me|nl|gg|ee|ru|be|net)/[^\s<>\"')\]]{{1,200}}"
)
_BARE = re.compile(
    r"\.(?:top|xyz|shop|online|club|site|onion|ru|cc|io|to|biz|info|link|store|net|com|nl|me)\b(?![\w@.-]\w)"
)
_HOST = re.compile(r"(?<![\w@.-])[a-z0-9][a-z0-9.-]{2,62}$")
_TAIL = re.compile(r"/[^\s<>\"')\]]{1,120}")
_PUBLIC_SITES = words("public_sites")


def find_links(reading: Reading) -> Iterator[Found]:
    """Links that lead to a person or a trade; the sites of authorities and shops are left."""
    text = reading.text
    low = reading.lower
    patterns = [_LINK] if "http" in low or "www." in low else []
    patterns += [_ON_A_SITE] if _SITE_END.search(low) else []
    for pattern in patterns:
        for match in pattern.finditer(low):
            end = match.start() + len(match.group().rstrip(".,;:!?"))
            if not _is_public(text[match.start() : end]):
                yield match.start(), end, "SOCIAL"
    for match in _BARE.finditer(low):
        host = _HOST.search(low, max(0, match.start() - 64), match.start())
        if host is None or _is_public(text[host.start() : match.end()]):
            continue
        name = host.group()
        tail = _TAIL.match(text, match.end())
        odd = (
            tail
            or any(char.isdigit() for char in name)
            or "-" in name
            or match.group() not in (".nl", ".com", ".net", ".me", ".to", ".io")
        )
        if odd:
            yield host.start(), tail.end() if tail else match.end(), "SOCIAL"


def _is_public(link: str) -> bool:
    plain = re.sub(r"^(?:https?://)?(?:www\.)?", "", link.lower())
    host, _, path = plain.partition("/")
    name = host.rsplit(".", 1)[0].rsplit(".", 1)[-1]
    if name in _PUBLIC_SITES or "gemeente" in host or host.startswith(("politie", "overheid")):
        return True
    return not path.strip("/") and re.fullmatch(_SITES, name) is not None


_HANDLE_AT = re.compile(r"(?<![\w.@])@[ ]?(?=[\w.]{0,30}[^\W\d_])[\w](?:[\w.-]{0,28}\w)?")
_UNDERSCORED = re.compile(r"(?<![\w@/.-])[^\W_][\w.-]{0,30}_[\w.-]{0,30}(?<![.-])")
_PLATFORM_WORDS = words("platforms")
_PLATFORM = re.compile(rf"(?:{'|'.join(sorted(_PLATFORM_WORDS))})\b")
_LINK_WORDS = re.compile(
    r"(?:[\s:=,'\"“”‘’(-]{1,3}(?:is|heet|naam|account|accountje|profiel|als|onder|de|het|op|via|met|zijn|haar|zn|van|hem|ie|genaamd|z'n|mijn|mn|m'n|me|"
    r"gebruikersnaam|gebruiker|user|naar|en|dat|die|ook|chat|noemt|zich|hij|ze|nick|:)(?=[\s:=]))"
    r"{0,4}[\s:=,'\"“”‘’(-]{1,3}(?P<value>[\w][\w.-]{1,29}[\w])"
)
_NAMED_BEFORE = re.compile(
    r"(?:naar|als|account|heet|met|naam|gebruiker|is|via|van|aan|volg|volgt|zoek|contact|bericht|dm|:)[\s:'\"“‘]{1,2}"
    r"(?P<value>[\w][\w.-]{1,29}\w)['\"”’]?[\s(,]{1,2}$"
)

_SIGNED_BEFORE = re.compile(
    r"(?<![\w.@-])(?P<value>[a-z]\w{0,20}[._-][\w.-]{0,20}\w|[a-z]{2,20}\d{1,6})['\"”’]?[\s(,]{1,2}$"
)


#: 'king998' behind 'via Snap een bericht van': a digit or sign in it, and a few words between.
_SENDER = re.compile(
    r"(?:[\s,(]{1,2}\w{2,14}){0,4}?[\s,(]{1,2}(?:van|door|met|naar|aan|en|als|account|gebruiker)\s"
    r"(?P<value>(?=[a-z_]{0,24}(?:\d|\.[a-z\d_]))[a-z][\w.]{2,28}\w)"
)
_TAGGED = re.compile(r"#\d{4}(?!\w)")
_TAG_NAME = re.compile(r"(?<![\w@./-])[^\W_][\w.]{1,31}$")
_NAMING = re.compile(r"is|heet|:|naam|kanaal")
#: 'CB 7795 FB' ends as a platform is called.
_PLATE = re.compile(r"(?<![a-z])[a-z]{1,2} \d{4} $")
_VERB_BEFORE = re.compile(r"\s(?:hij|zij|ze|ik|we|wij|zich|men)\b")


def find_marked_handles(reading: Reading) -> Iterator[Found]:
    """Names of accounts with an at sign in front, an underscore inside, or '#1234' behind."""
    text = reading.text
    if "@" in text:
        for match in _HANDLE_AT.finditer(text):
            yield match.start(), match.end(), "SOCIAL"
    for match in _TAGGED.finditer(text):
        name = _TAG_NAME.search(text, max(0, match.start() - 33), match.start())
        if name and not is_dutch_word(name.group().lower()) and not name.group().isdigit():
            yield name.start(), match.end(), "SOCIAL"
    if "_" in text:
        for match in _UNDERSCORED.finditer(text):
            yield match.start(), match.end(), "SOCIAL"


def find_handles(reading: Reading) -> Iterator[Found]:
    """Names of accounts beside the name of a platform."""
    text, low = reading.text, reading.lower
    for platform in filter(None, (_PLATFORM.match(low, at) for at in reading.starts_of(_PLATFORM_WORDS))):
        if _PLATE.search(reading.before(platform.start(), 9)):
            continue
        after = _LINK_WORDS.match(low, platform.end(), platform.end() + 80)
        value = text[after.start("value") : after.end("value")] if after else ""
        lead = after.group()[: -len(value)] if after else ""
        named = "-" in value or not lead.strip(" :=") or _NAMING.search(platform.group() + lead) is not None
        if after and value.isalpha() and _is_no_account(low, platform.group(), after.end()):
            after = None
        if after and (
            _looks_like_handle(value)
            or (lead.strip() in (":", "=") and _is_coined(value))
            or (named and re.fullmatch(r"[^\W_]{2,}[.-][^\W_]{2,}", value))
        ):
            yield *after.span("value"), "SOCIAL"
        elif (sender := _SENDER.match(low, platform.end(), platform.end() + 90)) and _looks_like_handle(
            sender.group("value")
        ):
            yield *sender.span("value"), "SOCIAL"
        if low[max(0, platform.start() - 3) : platform.start()] != "op ":
            continue
        stop = platform.start() - 3
        before = _NAMED_BEFORE.search(low, max(0, stop - 46), stop)
        signed = _SIGNED_BEFORE.search(low, max(0, stop - 36), stop)
        if signed:
            yield *signed.span("value"), "SOCIAL"
        elif (
            before
            and not is_first_name(before.group("value"))
            and _looks_like_handle(text[before.start("value") : before.end("value")])
        ):
            yield *before.span("value"), "SOCIAL"


def _is_no_account(low: str, platform: str, end: int) -> bool:
    """Whether behind a platform and a word a verb follows, or it is somebody's alias."""
    return _VERB_BEFORE.match(low, end) is not None or platform == "alias"


def _is_coined(value: str) -> bool:
    """Two words written as one that no dictionary has so: 'cashking'."""
    return value.isalpha() and value.islower() and len(value) > 5 and not is_listed_word(value)


def _looks_like_handle(value: str) -> bool:
    """A sign or digit inside, or one unknown word in lower case."""
    if value.isdigit() or re.fullmatch(r"[\d.,:/-]+", value):
        return False
    inner = re.sub(r"[^\W\d_]", "", value)
    if inner:
        parts = re.split(r"[.-]", value.lower())
        joined_sentence = "." in value and all(is_dutch_word(part) for part in parts)
        return (not joined_sentence and not re.fullmatch(r"[^\W\d_]+-[^\W\d_]+", value)) or (
            "-" in value and not all(is_dutch_word(part) for part in parts)
        )
    return (
        len(value) >= 4 and not is_dutch_word(value.lower()) and (value.islower() or not value[1:].islower())
    )


_DOTTED = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_V4 = re.compile(
    r"(?<![\w.])(?<!\d-)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\.?\d)(?:/\d{1,2})?(?::\d{2,5})?(?!\w)"
)
_V6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
#: 'kvk 70.32.18.44' has the form of an address as well.
_BUSINESS = re.compile(r"(?:kvk|k\.v\.k|koophandel|handelsreg)[^\d\n]{0,20}$")
_VERSION = re.compile(
    r"(?:versie|version|firmware|\bfw|\bsw|\brev|software|release|update|build|app|\bv)[\s:.]{0,2}(?:nr|nummer|is|van|naar)?[\s:.]{0,2}$"
)


def find_ip_addresses(reading: Reading) -> Iterator[Found]:
    """IPv4 and IPv6 addresses; the number of a software version is none."""
    for match in _V4.finditer(reading.text) if _DOTTED.search(reading.text) else ():
        before = reading.before(match.start(), 36)
        if not (_VERSION.search(before) or _BUSINESS.search(before)):
            yield match.start(), match.end(), "IP"
    if _COLONS.search(reading.text):
        for match in _V6.finditer(reading.text):
            groups = [group for group in match.group().split(":") if group]
            if match.group().count(":") >= (2 if "::" in match.group() else 5) and len(groups) >= 2:
                yield match.start(), match.end(), "IP"
