"""What is on the screen when a document is opened (ISO 32000-2, 8.11 and 12.5.3), and what is not.

A layer is asked about as three kinds of readers do: by the standard, by what Chrome makes of it, and by what
Firefox does. Where they differ, or a rule is not understood, what is drawn there is refused: left out it
might uncover, and drawn it might tell what a reporter never saw.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pikepdf
from pikepdf import Array, Dictionary, Name, Object

from intake.files.kinds import NotTaken
from intake.files.pdf.making import items

_MOST_LAYERS = 20_000
_MOST_TERMS = 200
_MOST_SETTINGS = 1000
_MOST_DEPTH = 8  # some readers go no deeper than ten
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
        told = given.Root.get("/OCProperties")
        properties = told if isinstance(told, Dictionary) else Dictionary()
        usual = properties.get("/D")
        self._usual = usual if isinstance(usual, Dictionary) else Dictionary()
        self._other = _for_screens(properties.get("/Configs")) or self._usual
        self._by_usual, self._by_other = _Setting.of(self._usual), _Setting.of(self._other)
        self._listed = _keys(properties.get("/OCGs"))
        self._asked = dict(_asked(self._usual))
        self._found: dict[_Key, bool | None] = {}
        self._readers: tuple[_Reader, ...] = (self._by_standard, self._by_chrome, self._by_firefox)

    def is_shown(self, layer: object) -> bool | None:
        """Whether what belongs to this layer, or to layers by this rule, is on the screen.

        None where readers differ.
        """
        if not isinstance(layer, Dictionary):
            return True
        if not layer.is_indirect:
            return self._is_followed(layer)
        if layer.objgen not in self._found:
            self._found[layer.objgen] = self._is_followed(layer)
        return self._found[layer.objgen]

    def is_drawn(self, layer: object) -> bool:
        """As `is_shown`, of something that is there to be drawn: `NotTaken` where readers differ."""
        is_shown = self.is_shown(layer)
        if is_shown is None:
            raise NotTaken("content-in-pdf")
        return is_shown

    def _is_followed(self, layer: Dictionary) -> bool | None:
        try:
            answers = {self._is_kept(layer, each) for each in self._readers}
        except _NotUnderstood:
            return None
        return answers.pop() if len(answers) == 1 else None

    def _is_kept(self, layer: Dictionary, is_on: "_Reader") -> bool:
        kind = str(layer.get("/Type"))
        if kind == "/OCG":
            return is_on(layer)
        if kind != "/OCMD":  # most readers draw it whatever it says
            if not is_on(layer):
                raise _NotUnderstood
            return True
        if (rule := layer.get("/VE")) is not None:
            return _by_rule(rule, is_on, iter(range(_MOST_TERMS)), 0)
        return _by_policy(layer, is_on)

    def _by_standard(self, layer: Dictionary) -> bool:
        """A layer with a use that is asked about on screens is as that says, others as they are set."""
        if not _is_to_view(layer) or not _is_to_view(self._usual):
            return True
        uses, said = _uses(layer), []
        for use in self._asked.get(layer.objgen, ()):
            told = uses.get(use)
            if told is not None and use not in _SAYING:
                raise _NotUnderstood  # it depends on who looks, or how closely
            state = told.get(_SAYING[use]) if isinstance(told, Dictionary) else None
            if state in (Name.ON, Name.OFF):
                said.append(state == Name.ON)
        return all(said) if said else self._by_usual.is_on(layer.objgen)

    def _by_chrome(self, layer: Dictionary) -> bool:
        """What a layer says of screens comes first; another setting for screens replaces the usual one."""
        if not _is_to_view(layer):
            return True
        view = _uses(layer).get("/View")
        if isinstance(view, Dictionary) and (state := view.get("/ViewState")) is not None:
            return str(state) not in {"/OFF", "OFF"}
        if layer.objgen not in self._listed:
            return True
        for each in items(self._other.get("/AS"), _MOST_LAYERS):
            if isinstance(each, Dictionary) and "/View" in each and layer.objgen in _keys(each.get("/OCGs")):
                raise _NotUnderstood
        return self._by_other.is_on(layer.objgen)

    def _by_firefox(self, layer: Dictionary) -> bool:
        """Both the usual setting and what a layer says of screens."""
        if layer.objgen not in self._listed:
            return True
        view = _uses(layer).get("/View")
        is_off = isinstance(view, Dictionary) and view.get("/ViewState") == Name.OFF
        return self._by_usual.is_on(layer.objgen) and not is_off


#: Whether one kind of reader has a layer on.
_Reader = Callable[[Dictionary], bool]


def _by_policy(rule: Dictionary, is_on: _Reader) -> bool:
    """A rule about several layers (table 97)."""
    found, policy = rule.get("/OCGs"), str(rule.get("/P", "/AnyOn"))
    several = items(found, 1000) if isinstance(found, Array) else (found,)
    states = [_of_one(each, is_on) for each in several if isinstance(each, Dictionary)]
    if not states:
        return True
    answers = {"/AnyOn": any(states), "/AllOn": all(states)}
    if isinstance(found, Array):  # of a single one, some readers take no notice of these
        answers |= {"/AnyOff": not all(states), "/AllOff": not any(states)}
    if policy not in answers:
        raise _NotUnderstood
    return answers[policy]


def _by_rule(rule: object, is_on: _Reader, left: Iterator[int], depth: int) -> bool:
    """A visibility expression (8.11.2.2): its words are few, however it names itself."""
    if next(left, None) is None or depth > _MOST_DEPTH:
        raise _NotUnderstood
    if isinstance(rule, Dictionary):
        return _of_one(rule, is_on)
    if not isinstance(rule, Array) or len(rule) < 2 or len(rule) > _MOST_TERMS:
        raise _NotUnderstood
    states = [_by_rule(each, is_on, left, depth + 1) for each in list(rule)[1:]]
    word = str(rule[0])
    if word == "/Not" and len(states) == 1:
        return not states[0]
    if word not in {"/And", "/Or"}:
        raise _NotUnderstood
    return all(states) if word == "/And" else any(states)


def _of_one(layer: Dictionary, is_on: _Reader) -> bool:
    if str(layer.get("/Type")) != "/OCG":
        raise _NotUnderstood
    return is_on(layer)


def _uses(layer: Dictionary) -> Dictionary:
    found = layer.get("/Usage")
    return found if isinstance(found, Dictionary) else Dictionary()


def _asked(setting: Dictionary) -> Iterator[tuple[_Key, set[str]]]:
    """Which uses decide about each layer, on a screen."""
    found: dict[_Key, set[str]] = {}
    for each in items(setting.get("/AS"), _MOST_LAYERS):
        if isinstance(each, Dictionary) and each.get("/Event") == Name.View:
            uses = {str(use) for use in items(each.get("/Category"), 100)} - _SILENT
            for key in _keys(each.get("/OCGs")):
                found.setdefault(key, set()).update(uses)
    yield from found.items()


def _for_screens(settings: object) -> Dictionary | None:
    """The first other setting that is for screens: some readers take that instead of the usual one."""
    for each in items(settings, _MOST_SETTINGS):
        if isinstance(each, Dictionary) and "/Intent" in each and _is_to_view(each):
            return each
    return None


def _is_to_view(given: Dictionary) -> bool:
    """Whether a layer or a setting is meant for looking at (its intent), as is usual."""
    intent = given.get("/Intent", Name.View)
    intents = items(intent, _MOST_SETTINGS) if isinstance(intent, Array) else (intent,)
    return any(isinstance(each, Name) and str(each) in {"/View", "/All"} for each in intents)


def _keys(given: Object | None) -> frozenset[_Key]:
    return frozenset(each.objgen for each in items(given, _MOST_LAYERS) if isinstance(each, Dictionary))
