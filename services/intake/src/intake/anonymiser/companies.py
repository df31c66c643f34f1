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
        first = at
        while (
            first > 0
            and ("p" in tokens[first - 1].kind or tokens[first - 1].low in _KIN)
            and touches(tokens, first - 1)
        ):
            first -= 1
        front, behind = tokens[first - 1] if first else None, tokens[end] if end < len(tokens) else None
        trade_before = (
            front
            and "b" in front.kind
            and "u" not in front.kind
            and touches(tokens, first - 1)
            and end - at < 4
            and not _is_owner(tokens, first, at)
        )
        trade_behind = (
            behind
            and touches(tokens, end - 1)
            and (
                (
                    "b" in behind.kind
                    and "u" not in behind.kind
                    and (behind.kind[0] in "CUV" or tokens[at].kind[0] == "l")
                )
                or (behind.low in _TRADE_NAMES and behind.kind[0] in "CUV")
                or (behind.text == "&" and end + 1 < len(tokens) and _is_partner(tokens[end + 1]))
            )
        )
        if trade_before or trade_behind:
            named[at:end] = [False] * (end - at)
        at = end


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
