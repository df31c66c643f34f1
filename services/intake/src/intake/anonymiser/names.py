"""Person names: what the model marks, joined into whole names with their parts."""

from collections.abc import Sequence
from typing import NamedTuple

from intake.anonymiser import marking
from intake.anonymiser.companies import unmark_companies
from intake.anonymiser.doubting import doubted
from intake.anonymiser.lexicon import words
from intake.anonymiser.patience import Patience
from intake.anonymiser.reading import Reading
from intake.anonymiser.span import Span
from intake.anonymiser.tagging import score_names, score_particles
from intake.anonymiser.tokens import Token, base_form, mode_of, read_tokens
from intake.anonymiser.walking import initials_end, is_word, starts_sentence, touches

_ADJECTIVES, _TITLES, _NAME_CUES, _KIN = (
    words("nickname_adjectives"),
    words("titles"),
    words("name_cues"),
    words("kin"),
)
_LIKELY, _LIKELY_WITHOUT_CAPITALS, _LIKELY_ON_LIST = 0.4, 0.3, 0.15
_T_N = ["t", ".", "n", "."]
_NOBLE = frozenset(["baron", "barones", "jonkheer", "jonkvrouw", "jhr", "freule"])
_NO_INITIALS = frozenset(["nl", "bv", "nv", "id", "ip", "hr", "dr", "mw", "de", "pl", "om", "av", "tv"])


class Mention(NamedTuple):
    """A name in the text, and its parts: what is known of given name, initials and family name."""

    span: Span
    given: str = ""
    initials: str = ""
    family: str = ""
    is_nickname: bool = False


class Names(NamedTuple):
    """The names of a text in order of place, and where words start that may be names after all."""

    mentions: list[Mention]
    doubted: list[int]


def find_names(reading: Reading, taken: Sequence[Span], patience: Patience) -> Names:
    """All names outside what is taken already."""
    tokens = read_tokens(reading, taken)
    if "van t " in reading.lower:
        marking.read_lone_t(tokens)
    mode = mode_of(tokens)
    patience.check()
    scores = score_names(tokens, mode)
    patience.check()
    least = _LIKELY if mode == "n" else _LIKELY_WITHOUT_CAPITALS
    named = [
        score >= (least if "d" in token.kind or "f" not in token.kind else _LIKELY_ON_LIST)
        for score, token in zip(scores, tokens, strict=True)
    ]
    marking.unmark_places(tokens, named)
    marking.mark_titled(tokens, named, mode)
    marking.mark_particles(tokens, named)
    marking.mark_entries(tokens, named)
    marking.mark_initialled(tokens, named, mode)
    marking.mark_register(tokens, named)
    marking.mark_surnames(tokens, named, mode)
    unmark_companies(tokens, named)
    nicknames = marking.mark_nicknames(reading, tokens, named)
    marking.mark_known(tokens, scores, named, mode, nicknames)
    unmark_companies(tokens, named)
    return Names(_mentions(tokens, named), doubted(tokens, named, mode))


def _mentions(tokens: Sequence[Token], named: Sequence[bool]) -> list[Mention]:
    result: list[Mention] = []
    at, free_from = 0, 0
    while at < len(tokens):
        if not named[at]:
            title_end = tokens[at].kind[0] == "I" and _initial_behind_title(tokens, named, at)
            if title_end:
                result.append(_mention(tokens, at, title_end, at))
                at = free_from = title_end
            else:
                at += 1
            continue
        first = _front(tokens, at, free_from)
        end = _end(tokens, named, at)
        result.append(_mention(tokens, first, end, at))
        at = free_from = end
    return result


def _initial_behind_title(tokens: Sequence[Token], named: Sequence[bool], at: int) -> int:
    """'dhr. K.' names somebody too. The end of the initials, or 0."""
    if at == 0 or at + 1 >= len(tokens) or tokens[at + 1].text != ".":
        return 0
    before = tokens[at - 2] if tokens[at - 1].text == "." and at > 1 else tokens[at - 1]
    if before.low not in _TITLES:
        return 0
    here = initials_end(tokens, at)
    while here < len(tokens) and "p" in tokens[here].kind:
        here += 1
    return 0 if here < len(tokens) and named[here] else at + 2


def _front(tokens: Sequence[Token], at: int, free_from: int) -> int:
    """Where the name begins whose first marked word is at `at`: particles, initials, 'Dikke' in front."""
    first = at
    while (
        first > free_from and at - first < 4 and "p" in tokens[first - 1].kind and touches(tokens, first - 1)
    ):
        first -= 1
    first += _no_part_of_name(tokens, first, at)
    particles = first
    if first > free_from and tokens[first - 1].low in _NOBLE:
        noble = _before_initials(tokens, first - 1, free_from)
        if noble < first - 1:
            return noble  # 'C.A. baron van Heeckeren'
    first = _before_initials(tokens, particles, free_from)
    front = (
        tokens[particles - (2 if particles > 1 and tokens[particles - 1].text == "." else 1)]
        if particles
        else None
    )
    behind_comma = particles < at and particles > 0 and tokens[particles - 1].text == ","
    if (
        first == particles
        and not behind_comma
        and not (front and (front.low in _TITLES or front.low in ("tnv", "familie")))
    ):
        while (
            particles < at
            and score_particles(tokens, particles, at, "O") < _LIKELY
            and not _is_strong(tokens, particles, at)
        ):
            particles += 1
        first = particles
    if first == at and at > free_from and tokens[at - 1].low in _ADJECTIVES and touches(tokens, at - 1):
        is_capital = tokens[at - 1].kind[0] in "CU"
        if is_capital or at == 1 or tokens[at - 2].low not in ("de", "die", "een", "deze"):
            return at - 1
    if first == at and at > free_from and tokens[at - 1].low in _KIN and touches(tokens, at - 1):
        return at - 1
    return first


def _no_part_of_name(tokens: Sequence[Token], first: int, at: int) -> int:
    """How many particles are none: the first of 'van Van Eijk' and of 'in Wommels'."""
    if at - first == 1:
        front = tokens[first - 1].low if first else ""
        is_verb = tokens[first].low == "ben" and front in ("ik", "jij")
        is_article = tokens[first].low in ("het", "t") and "f" in tokens[at].kind
        return int(tokens[first].low == "in" or is_verb or is_article)
    return int(at - first > 1 and tokens[first].text == "van" and tokens[first + 1].text[0].isupper())


def _is_strong(tokens: Sequence[Token], first: int, at: int) -> bool:
    """'van 't', 'van der' and a capital in front of a family name are hardly anything else."""
    run = [token.low for token in tokens[first:at]]
    is_family = "f" not in tokens[at].kind
    if is_family and run == ["van"] and first > 0 and tokens[first - 1].low in marking.PREPOSITIONS:
        return True
    capital = tokens[first].text[0].isupper() and not starts_sentence(tokens, first)
    return is_family and (run[-1] in ("der", "den", "'t", "ter", "ten", "el") or (capital and run != ["van"]))


def _before_initials(tokens: Sequence[Token], at: int, free_from: int) -> int:
    """Past 'J.M.', 'J', 'JM' and 'd.' in front."""
    first = at
    while first > free_from and at - first < 12:
        point = tokens[first - 1].text == "."
        letter = first - 2 if point else first - 1
        if (
            letter < free_from
            or tokens[letter].kind[0] not in "IViM"
            or (tokens[first].kind[0] in "UV" and len(tokens[letter].text) > 1 and is_word(tokens[letter]))
            or tokens[first - 1].end < tokens[first].start - 1
        ):
            break
        token = tokens[letter]
        if token.low == "v" and [each.low for each in tokens[max(0, letter - 4) : letter]] == _T_N:
            break  # 't.n.v. E. Arslan'
        is_initial = len(token.text) == 1 or (
            len(token.text) <= 3
            and (not point or token.low in ("chr", "th", "ph", "ch", "st"))
            and (token.text.isupper() or point)
            and (token.low not in _NO_INITIALS if token.text.isupper() else not is_word(token))
        )
        lone = (
            token.kind[0] == "i"
            and not point
            and (token.low in "tnmksdjzu" or not _is_after_title(tokens, letter))
        )
        if not is_initial or lone or (point and tokens[first - 1].start != token.end):
            break
        if (
            token.kind[0] == "I"
            and not point
            and token.low == "u"
            and letter
            and tokens[letter - 1].kind[0] == "l"
        ):
            break
        first = letter
    return first


def _is_after_title(tokens: Sequence[Token], at: int) -> bool:
    return at > 0 and (
        tokens[at - 1].low in _TITLES
        or tokens[at - 1].low in _NAME_CUES
        or tokens[at - 1].low in ("van", "door")
    )


def _end(tokens: Sequence[Token], named: Sequence[bool], at: int) -> int:
    """Past further names, particles between, and what a register writes behind the comma."""
    end = at + 1
    while end < len(tokens) and end - at < 10:
        here = end
        while (
            here < len(tokens) and here - end < 4 and "p" in tokens[here].kind and touches(tokens, here - 1)
        ):
            here += 1
        if here < len(tokens) and named[here] and touches(tokens, here - 1):
            run = {token.low for token in tokens[end:here]}
            given_name = "f" in tokens[here].kind and "s" not in tokens[here].kind
            if run == {"in"} or (run == {"van"} and given_name):
                break  # 'Bauke Wytsma in Wommels', 'Sjef van Riek'
            if run <= marking.STRONG_PARTICLES or score_particles(tokens, end, here, "N") >= _LIKELY:
                end = here + 1
                continue
        if (
            tokens[end].kind[0] == "I"
            and end + 1 < len(tokens)
            and tokens[end + 1].text == "."
            and touches(tokens, end - 1)
        ):
            middle = initials_end(tokens, end)
            if middle < len(tokens) and named[middle]:
                end = middle
                continue
        break
    return _past_comma(tokens, named, at, _past_last_initial(tokens, end))


def _past_last_initial(tokens: Sequence[Token], end: int) -> int:
    """'Mo B.' and 'Kevin de R.': the initial behind a name."""
    if (
        end < len(tokens)
        and tokens[end].kind == "I"
        and tokens[end].text not in "IUÉ"
        and touches(tokens, end - 1)
        and tokens[end - 1].kind[:2] == "Cf"
        and (end + 1 == len(tokens) or tokens[end + 1].kind[0] not in "9.")
    ):
        return end + 1  # 'Henk K: ja'
    here = end
    while here < len(tokens) and here - end < 3 and "p" in tokens[here].kind and touches(tokens, here - 1):
        here += 1
    if (
        here + 1 < len(tokens)
        and tokens[here].kind[0] == "I"
        and touches(tokens, here - 1)
        and tokens[here + 1].text == "."
    ):
        return here + 1
    return end


def _past_comma(tokens: Sequence[Token], named: Sequence[bool], at: int, end: int) -> int:
    """'Vries, de J.' and 'Kaptein, Jan' as a register writes them; 'Jan, Piet en Els' are three."""
    if end + 1 >= len(tokens) or tokens[end].text != "," or tokens[end].start != tokens[end - 1].end:
        return end
    here = end + 1
    while here < len(tokens) and here - end < 5 and "p" in tokens[here].kind and touches(tokens, here - 1):
        here += 1
    initials = initials_end(tokens, here)
    if initials > here and tokens[initials - 1].text == ".":
        while initials < len(tokens) and "p" in tokens[initials].kind and touches(tokens, initials - 1):
            initials += 1
        is_another = here == end + 1 and initials < len(tokens) and named[initials]
        return end if is_another and touches(tokens, initials - 1) else initials  # 'Traore, E. Demir' are two
    if here >= len(tokens) or not named[here]:
        return end
    family_only = all("f" not in token.kind or token.text.isupper() for token in tokens[at:end])
    if here > end + 1:
        joins = "f" in tokens[here].kind and family_only and _no_list(tokens, named, here)
        joins = joins and not (here + 1 < len(tokens) and named[here + 1] and touches(tokens, here))
    else:
        joins = family_only and _is_register(tokens, at, end, here) and _no_list(tokens, named, here)
    if joins:
        return here + 1
    last = here + 1
    while last < len(tokens) and last - here < 4 and "p" in tokens[last].kind and touches(tokens, last - 1):
        last += 1
    if last > here + 1 and (last >= len(tokens) or tokens[last].text in ",.;(:"):
        return last
    return end


def _is_register(tokens: Sequence[Token], at: int, end: int, here: int) -> bool:
    """A family name, a comma and a given name that stand as an entry, or have a birthday behind them."""
    behind = tokens[here + 1] if here + 1 < len(tokens) else None
    if "f" not in tokens[here].kind:
        return False
    if behind and behind.text == "," and here + 2 < len(tokens):
        behind = tokens[here + 2]
    if behind and (behind.low in ("geb", "geboren", "bsn") or behind.kind in ("<GEBOORTEDATUM>", "<BSN>")):
        return True
    opens = (
        at == 0 or tokens[at - 1].text in ":;\n" or tokens[at - 1].low in ("betr", "betrokkene", "verdachte")
    )
    is_upper = tokens[end - 1].text.isupper() and not tokens[here].text.isupper()
    return (opens or is_upper) and (behind is None or behind.kind[0] in ",.;(<\n")


def _no_list(tokens: Sequence[Token], named: Sequence[bool], at: int) -> bool:
    """No further name follows that would make an enumeration."""
    following = at + 2
    return not (following < len(tokens) and tokens[at + 1].low in (",", "en") and named[following])


def _mention(tokens: Sequence[Token], first: int, end: int, at: int) -> Mention:
    last = tokens[end - 1]
    stop = last.end - (2 if last.text.endswith(("'s", "’s")) else 0)
    if last.text == "." and end - 2 >= first and len(tokens[end - 2].text) > 1:
        stop = tokens[end - 2].end
    key = " ".join(token.low for token in tokens[first:end])
    span = Span(tokens[first].start, stop, "PERSOON", key)
    comma = next((n for n in range(first, end) if tokens[n].text == ","), None)
    if comma is not None:
        family, rest = _content(tokens, first, comma), tokens[comma + 1 : end]
        given = [t for t in rest if len(t.text) > 3 and "p" not in t.kind]
        letters = "".join(
            t.low for t in rest if len(t.text) <= 3 and t.kind[0].isalpha() and "p" not in t.kind
        )
        return Mention(
            span, family=" ".join(family), given=base_form(given[0].low) if given else "", initials=letters
        )
    letters = "".join(t.low for t in tokens[first:at] if t.kind[0] in "IViM" and "p" not in t.kind)
    content = _content(tokens, at, end) or [key]
    has_particle = any("p" in t.kind for t in tokens[first:at])
    if letters or (has_particle and not letters):
        nickname = (
            has_particle
            and not letters
            and "d" in tokens[at].kind
            and tokens[first].low in ("de", "het", "el", "la")
        )
        return Mention(
            span,
            initials=letters,
            family=" ".join(content),
            is_nickname=nickname and "s" not in tokens[at].kind,
        )
    if len(content) > 1 or any("p" in t.kind for t in tokens[at:end]):
        nickname = tokens[first].low in _ADJECTIVES
        return Mention(span, given=content[0], family=" ".join(content[1:]), is_nickname=nickname)
    if _is_family(tokens, first, at):
        return Mention(span, family=content[0])
    return Mention(span, given=content[0])


def _content(tokens: Sequence[Token], first: int, end: int) -> list[str]:
    return [
        base_form(t.low)
        for t in tokens[first:end]
        if t.kind[0].isalpha() and "p" not in t.kind and len(t.text) > 1
    ]


def _is_family(tokens: Sequence[Token], first: int, at: int) -> bool:
    """Whether a single word is a family name or a given name, by its title and the lists."""
    before = tokens[first - 1].low if first else ""
    if before == "." and first > 1:
        before = tokens[first - 2].low
    if before in _TITLES and before not in ("oom", "tante", "broer", "ome"):
        return True
    kind = tokens[at].kind
    return before in ("tnv", "familie") or ("s" in kind and "f" not in kind)
