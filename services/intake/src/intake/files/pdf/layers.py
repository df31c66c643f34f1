"""What is on the screen when a document is opened (ISO 32000-2, 8.11 and 12.5.3), and what is not.

Where readers of PDF disagree, or a rule is not understood, it is not on the screen: a reporter may not have
seen it. Where it depends on who looks, or how closely, the document is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pikepdf
from pikepdf import Array, Dictionary, Name, Object

from intake.files.kinds import NotTaken
from intake.files.pdf.making import items, whole

_MOST_LAYERS = 20_000
_MOST_TERMS = 200
_MOST_SETTINGS = 1000
_MOST_DEPTH = 16
_INVISIBLE, _HIDDEN, _NOT_VIEWED = 1, 2, 32  # flags of a note (table 167)
#: Of what a layer says about its use (table 100): what has no say, and what says on or off.
_SILENT = frozenset({"/CreatorInfo", "/PageElement"})
_SAYING = {"/View": "/ViewState", "/Print": "/PrintState", "/Export": "/ExportState"}

_Key = tuple[int, int]


class _NotUnderstood(Exception):
    """A rule that says nothing we can follow."""


@dataclass(frozen=True)
class _Setting:
    """Which layers are on (table 99)."""

    is_off_unless_on: bool
    on: frozenset[_Key]
    off: frozenset[_Key]

    @classmethod
    def of(cls, given: Dictionary) -> "_Setting":
        return cls(given.get("/BaseState") == Name.OFF, _keys(given.get("/ON")), _keys(given.get("/OFF")))

    def is_on(self, key: _Key) -> bool:
        return key not in self.off and (key in self.on or not self.is_off_unless_on)


class Layers:
    """Which layers of a document are on, on a screen."""

    def __init__(self, given: pikepdf.Pdf) -> None:
        settings = list(_settings(given.Root.get("/OCProperties")))
        self._settings = [_Setting.of(each) for each in settings]
        self._asked: dict[_Key, set[str]] = {}  # which uses decide about a layer, on a screen
        for setting in settings:
            for each in items(setting.get("/AS"), _MOST_LAYERS):
                self._ask(each)
        self._found: dict[_Key, bool] = {}

    def is_shown(self, layer: object) -> bool:
        """Whether what belongs to this layer, or to layers by this rule, is on the screen."""
        if not isinstance(layer, Dictionary):
            return True
        if not layer.is_indirect:
            return self._is_followed(layer)
        if layer.objgen not in self._found:
            self._found[layer.objgen] = self._is_followed(layer)
        return self._found[layer.objgen]

    def is_seen(self, note: object) -> bool:
        """Whether this note on a page (an annotation) is on the screen."""
        if not isinstance(note, Dictionary):
            return False
        flags = whole(note.get("/F")) or 0
        return not flags & (_INVISIBLE | _HIDDEN | _NOT_VIEWED) and self.is_shown(note.get("/OC"))

    def _ask(self, given: object) -> None:
        if not isinstance(given, Dictionary) or given.get("/Event") != Name.View:
            return
        uses = {str(each) for each in items(given.get("/Category"), 100)} - _SILENT
        for key in _keys(given.get("/OCGs")):
            self._asked.setdefault(key, set()).update(uses)

    def _is_followed(self, layer: Dictionary) -> bool:
        try:
            return self._is_kept(layer)
        except _NotUnderstood:
            return False

    def _is_kept(self, layer: Dictionary) -> bool:
        kind = str(layer.get("/Type", "/OCG"))
        if kind == "/OCG" and "/OCGs" not in layer and "/VE" not in layer:
            return self._is_on(layer)
        if kind not in {"/OCMD", "/OCG"}:
            raise _NotUnderstood
        if (rule := layer.get("/VE")) is not None:
            return self._by_rule(rule, iter(range(_MOST_TERMS)), 0)
        found = layer.get("/OCGs")
        several = items(found, 1000) if isinstance(found, Array) else (found,)
        states = [self._is_on(each) for each in several if isinstance(each, Dictionary)]
        if not states:
            return True
        return {
            "/AnyOn": any(states),
            "/AllOn": all(states),
            "/AnyOff": not all(states),
            "/AllOff": not any(states),
        }.get(str(layer.get("/P", "/AnyOn")), False)

    def _by_rule(self, rule: object, left: Iterator[int], depth: int) -> bool:
        """A visibility expression (8.11.2.2): its words are few, however it names itself."""
        if next(left, None) is None or depth > _MOST_DEPTH:
            raise _NotUnderstood
        if isinstance(rule, Dictionary):
            return self._is_on(rule)
        if not isinstance(rule, Array) or len(rule) < 2 or len(rule) > _MOST_TERMS:
            raise _NotUnderstood
        states = [self._by_rule(each, left, depth + 1) for each in list(rule)[1:]]
        word = str(rule[0])
        if word == "/Not" and len(states) == 1:
            return not states[0]
        if word not in {"/And", "/Or"}:
            raise _NotUnderstood
        return all(states) if word == "/And" else any(states)

    def _is_on(self, layer: Dictionary) -> bool:
        if str(layer.get("/Type", "/OCG")) != "/OCG":
            raise _NotUnderstood
        key = layer.objgen
        is_on = all(each.is_on(key) for each in self._settings)
        uses = layer.get("/Usage")
        uses = uses if isinstance(uses, Dictionary) else Dictionary()
        # Browsers ask what it says of a screen in any case, others where the document tells them to.
        return all([is_on, *(self._allows(uses, each) for each in {"/View"} | self._asked.get(key, set()))])

    def _allows(self, uses: Dictionary, use: str) -> bool:
        told = uses.get(use)
        if told is None:
            return True
        if use not in _SAYING:
            raise NotTaken("content-in-pdf")
        return not isinstance(told, Dictionary) or told.get(_SAYING[use]) != Name.OFF


def _settings(told: object) -> Iterator[Dictionary]:
    """The usual one, and the first other one that is for screens: some readers take that instead."""
    if not isinstance(told, Dictionary):
        return
    if isinstance(usual := told.get("/D"), Dictionary):
        yield usual
    for each in items(told.get("/Configs"), _MOST_SETTINGS):
        if isinstance(each, Dictionary) and _is_for_screens(each.get("/Intent")):
            yield each
            return


def _is_for_screens(intent: object) -> bool:
    intents = items(intent, _MOST_SETTINGS) if isinstance(intent, Array) else (intent,)
    return any(isinstance(each, Name) and str(each) in {"/View", "/All"} for each in intents)


def _keys(given: Object | None) -> frozenset[_Key]:
    return frozenset(each.objgen for each in items(given, _MOST_LAYERS) if isinstance(each, Dictionary))
