"""Businesses and shops that carry somebody's name: these stay readable."""

from collections.abc import Sequence

from intake.anonymiser.lexicon import words
from intake.anonymiser.tokens import Token
from intake.anonymiser.walking import touches

_TRADE_NAMES, _KIN = words("trade_names"), words("kin")
_CHAINS: dict[str, list[list[str]]] = {}
for _chain in words("chains"):
    _CHAINS.setdefault(_chain.split("_")[0], []).append(_chain.split("_"))
#: In lower case these are what somebody does: 'kapper Hasan'.
_TRADESMEN = frozenset(["aannemer", "kapper", "makelaar", "juwelier", "koerier", "drogist", "cateraar"])
_DETERMINERS = frozenset(["de", "het", "een", "die", "deze", "dit", "dat", "'t", "hun", "zijn"])


def unmark_companies(tokens: Sequence[Token], named: list[bool]) -> None:
    """'Belwinkel El Amrani' and 'Peters Groothandel' are businesses, which stay readable."""
    _unmark_chains(tokens, named)
    at = 0
    while at < len(tokens):
        if not named[at]:
            at += 1
            continue
        end = at + 1
        while end < len(tokens) and named[end] and touches(tokens, end - 1):
            end += 1
        if _has_trade_before(tokens, at, end) or _has_trade_behind(tokens, at, end):
            named[at:end] = [False] * (end - at)
        at = end


def _has_trade_before(tokens: Sequence[Token], at: int, end: int) -> bool:
    """'Belwinkel El Amrani': a trade in front of the name, past its particles."""
    first = at
    while (
        first > 0
        and ("p" in tokens[first - 1].kind or tokens[first - 1].low in _KIN)
        and touches(tokens, first - 1)
    ):
        first -= 1
    return (
        first > 0
        and _is_trade(tokens[first - 1])
        and touches(tokens, first - 1)
        and end - at < 4
        and not _is_owner(tokens, first, at)
    )


def _has_trade_behind(tokens: Sequence[Token], at: int, end: int) -> bool:
    """'Peters Groothandel' and 'Peters & Zn'."""
    if end == len(tokens) or not touches(tokens, end - 1):
        return False
    behind = tokens[end]
    is_proper = behind.kind[0] in "CUV"
    if _is_trade(behind) and (is_proper or tokens[at].kind[0] == "l"):
        return True
    if behind.low in _TRADE_NAMES and is_proper:
        return True
    return behind.text == "&" and end + 1 < len(tokens) and _is_partner(tokens[end + 1])


def _is_trade(token: Token) -> bool:
    return "b" in token.kind and "u" not in token.kind


def _unmark_chains(tokens: Sequence[Token], named: list[bool]) -> None:
    """'Dirk van den Broek' is a supermarket."""
    for at, token in enumerate(tokens):
        for chain in _CHAINS.get(token.low, ()):
            if [each.low for each in tokens[at : at + len(chain)]] == chain:
                named[at : at + len(chain)] = [False] * len(chain)


def _is_owner(tokens: Sequence[Token], first: int, at: int) -> bool:
    """'aannemer Sahertian' and 'de boerderij van Gerrit' are somebody; 'Boerderij van Dijk' is a business."""
    trade = tokens[first - 1]
    if trade.kind[0] != "l" or tokens[at].kind[0] not in "CM":
        return False
    if first == at:
        return trade.low in _TRADESMEN
    is_whose = tokens[first].text == "van" and first > 1 and tokens[first - 2].low in _DETERMINERS
    return is_whose or (tokens[first].text == "van" and "f" in tokens[at].kind)


def _is_partner(token: Token) -> bool:
    """What follows an ampersand in a company: '& Zn' and '& Verhuur'."""
    return "b" in token.kind or token.low == "zn"
