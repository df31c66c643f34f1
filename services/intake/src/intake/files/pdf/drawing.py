"""What draws: pages, forms, patterns, glyphs of Type 3 and graphics states, with what they name."""

import hashlib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace

from pikepdf import Array, Dictionary, Name, Object, Stream

from intake.files.kinds import NotTaken
from intake.files.pdf import colours
from intake.files.pdf.content import rewritten
from intake.files.pdf.drawn_fonts import DrawnFonts
from intake.files.pdf.fonts import font
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.images import picture
from intake.files.pdf.ink import Ink
from intake.files.pdf.inline import require_all_samples
from intake.files.pdf.layers import Layers
from intake.files.pdf.making import Making, box, dictionary, kept, matrix, number, sure, truth, whole
from intake.files.pdf.states import inked, state
from intake.files.pdf.work import WORD

_FORM = {"/BBox": sure(box), "/Matrix": sure(matrix)}
_TILING = {
    **_FORM,
    **dict.fromkeys(("/PaintType", "/TilingType"), sure(whole)),
    **dict.fromkeys(("/XStep", "/YStep"), sure(number)),
}
_SHORT = {
    "/ExtGState": "G",
    "/XObject": "X",
    "/Shading": "S",
    "/ColorSpace": "C",
    "/Pattern": "P",
    "/Font": "F",
}
_USUAL = Ink()
#: Without these, readers draw with another one, or do not draw.
_NEEDED = frozenset({"/Font", "/ColorSpace", "/Pattern"})
_REFUSED = {"/Font": "font-in-pdf"}


class Draughtsman:
    """Makes anew what a document draws."""

    def __init__(self, making: Making, layers: Layers) -> None:
        self.making = making
        self.layers = layers
        self.glyphs = Glyphs()
        self.drawn_fonts = DrawnFonts(making, self.glyphs)
        self._pages: dict[object, tuple[Object, Object]] = {}
        self.makers: Mapping[str, Callable[[Object, Resources, Ink], Object | None]] = {
            "/ExtGState": lambda given, around, _: self._state(given, around),
            "/XObject": self._external,
            "/Shading": lambda given, *_: colours.shading(making, given),
            "/ColorSpace": lambda given, *_: colours.space(making, given),
            "/Pattern": lambda given, around, _: self._pattern(given, around),
            "/Font": lambda given, around, _: self._font(given, around),
        }

    def drawn(
        self, source: Object, resources: Object | None, ink: Ink, *, is_nested: bool = True
    ) -> tuple[bytes, Dictionary]:
        """A content stream written anew, and the resources that it uses."""
        used = Resources(self, resources, is_nested=is_nested)
        return rewritten(self.making, source, used, ink), used.made()

    def page(self, source: Object, resources: Object | None, page: Object) -> tuple[Object, Object]:
        """What a page draws and the resources for it; pages that draw the same share them."""
        ink = _ink_within(page, Ink())
        parts = tuple(each.objgen for each in _streams(source))
        own = resources if isinstance(resources, Dictionary) else None
        key = (parts, _identity(self.making, own), ink)
        if key not in self._pages:
            content, used = self.drawn(source, resources, ink, is_nested=False)
            made = self.making.made
            self._pages[key] = made.make_indirect(self.making.stream(content)), made.make_indirect(used)
        return self._pages[key]

    def group(self, given: Object) -> Mapping[str, object]:
        """How a page or form mixes with what lies below (table 145)."""
        found = given.get("/Group")
        if not isinstance(found, Dictionary) or found.get("/S") != Name.Transparency:
            return {}
        made = dictionary({"/S": Name.Transparency}, kept(found, {"/I": truth, "/K": truth}))
        if (space := colours.space(self.making, found.get("/CS"))) is not None:
            made["/CS"] = space
        return {"/Group": made}

    def _form(self, given: Stream, around: "Resources", ink: Ink) -> Object | None:
        resources, key = _own_or(given, around)
        within = _ink_within(given, ink)
        return self.making.once(given, ("form", key, within), lambda: self._form_of(given, resources, within))

    def _form_of(self, given: Stream, resources: Object | None, ink: Ink) -> Object:
        content, used = self.drawn(given, resources, ink)
        told = {"/Type": Name.XObject, "/Subtype": Name.Form, **kept(given, _FORM), **self.group(given)}
        if "/BBox" not in told:
            raise NotTaken("damaged")
        return self.making.stream(content, {**told, "/Resources": used})

    def _external(self, given: Object, around: "Resources", ink: Ink) -> Object | None:
        if not isinstance(given, Stream):
            return None
        kind = given.get("/Subtype")
        if kind == Name.Image:
            return picture(self.making, given)
        return self._form(given, around, ink) if kind == Name.Form else None

    def _state(self, given: Object, around: "Resources") -> Object | None:
        if not isinstance(given, Dictionary):
            return None
        return self.making.once(given, ("state", around.key), lambda: self._state_of(given, around))

    def _state_of(self, given: Dictionary, around: "Resources") -> Object:
        return state(
            self.making,
            given,
            form=lambda group: self._form(group, around, Ink()) if isinstance(group, Stream) else None,
            font=lambda found: self._font(found, around),
        )

    def _pattern(self, given: Object, around: "Resources") -> Object | None:
        kind = given.get("/PatternType") if isinstance(given, (Dictionary, Stream)) else None
        if kind == 1 and isinstance(given, Stream):
            resources, key = _own_or(given, around)
            return self.making.once(given, ("pattern", key), lambda: self._tiling(given, resources))
        if kind == 2:
            return self.making.once(given, ("pattern", around.key), lambda: self._shaded(given, around))
        return None

    def _tiling(self, given: Stream, resources: Object | None) -> Object:
        content, used = self.drawn(given, resources, Ink())
        told = {"/Type": Name.Pattern, "/PatternType": 1, **kept(given, _TILING), "/Resources": used}
        return self.making.stream(content, told)

    def _shaded(self, given: Object, around: "Resources") -> Object | None:
        shading = colours.shading(self.making, given.get("/Shading"))
        if shading is None:
            return None
        told = {"/Type": Name.Pattern, "/PatternType": 2, "/Shading": shading}
        made = dictionary(told, kept(given, {"/Matrix": sure(matrix)}))
        state = given.get("/ExtGState")
        if isinstance(state, Dictionary) and (own := self._state(state, around)) is not None:
            made["/ExtGState"] = own
        return made

    def _font(self, given: Object, around: "Resources") -> Object | None:
        if not isinstance(given, Dictionary):
            return None
        if given.get("/Subtype") == Name.Type3:
            resources, key = _own_or(given, around)
            return self.making.once(given, ("type 3", key), lambda: self._type_3(given, resources))
        return self.making.once(given, "font", lambda: font(self.making, given, self.glyphs))

    def _type_3(self, given: Dictionary, resources: Object | None) -> Object | None:
        used = Resources(self, resources, is_nested=True)
        return self.drawn_fonts.font(given, _identity(self.making, given), used)


class Resources:
    """What one stream names, made anew when it is asked for, under names of our own."""

    def __init__(self, draughtsman: Draughtsman, given: Object | None, *, is_nested: bool) -> None:
        self._is_nested = is_nested  # of a form, a pattern or a font, not of a page
        self.given = given if isinstance(given, Dictionary) else None
        self.key = _identity(draughtsman.making, self.given)
        self._draughtsman = draughtsman
        self._made: dict[str, dict[str, Object]] = {}
        self._names: dict[tuple[str, str, Ink], bytes | None] = {}
        self._shown: dict[str, bool | None] = {}
        self._drawn_fonts: dict[str, Hashable] = {}

    def name(self, category: str, given: str, ink: Ink = _USUAL) -> bytes | None:
        """See `pen.Names`."""
        key = category, given, replace(ink, font="")
        if key not in self._names:
            self._names[key] = None
            self._draughtsman.making.work.take(2 * WORD)
            found = self._needed(category, given)
            if found is not None and not self._is_hidden(category, found, ink):
                made = self._draughtsman.makers[category](found, self, ink)
                if made is None:  # it may cover something
                    raise NotTaken(_REFUSED.get(category, "content-in-pdf"))
                self._names[key] = self._add(category, made)
        return self._names[key]

    def picture(self, image: Stream) -> bytes | None:
        """See `pen.Names`."""
        space = image.get("/ColorSpace")
        if isinstance(space, Name) and (named := self._found("/ColorSpace", str(space))) is not None:
            image["/ColorSpace"] = named
        making = self._draughtsman.making
        require_all_samples(making, image)
        making.work.take_dots(whole(image.get("/Width")) or 0, whole(image.get("/Height")) or 0)
        made = picture(making, image)
        return None if made is None else self._add("/XObject", made)

    def is_shown(self, properties: str) -> bool | None:
        """See `pen.Names`."""
        if properties not in self._shown:
            layer = self._needed("/Properties", properties)
            self._shown[properties] = self._draughtsman.layers.is_shown(layer)
        return self._shown[properties]

    def made(self) -> Dictionary:
        """The new resources: what was asked for, and nothing else."""
        made = Dictionary()
        for category, entries in self._made.items():
            made[category] = dictionary(entries)
        return made

    def inked(self, state: str, ink: Ink) -> Ink:
        """See `pen.Names`."""
        found = self._found("/ExtGState", state)
        return inked(found, ink) if isinstance(found, Dictionary) else ink

    def draws_itself(self, font: str) -> bool:
        """See `pen.Names`."""
        if font not in self._drawn_fonts:
            found = self._found("/Font", font)
            self._drawn_fonts[font] = None
            if isinstance(found, Dictionary) and found.get("/Subtype") == Name.Type3:
                self._drawn_fonts[font] = _identity(self._draughtsman.making, found)
        return self._drawn_fonts[font] is not None

    def show(self, font: str, shown: bytes) -> None:
        """See `pen.Names`."""
        if not font or self.draws_itself(font):
            self._draughtsman.drawn_fonts.show(self._drawn_fonts[font] if font else None, shown)

    def _is_hidden(self, category: str, found: Object, ink: Ink) -> bool:
        if category != "/XObject" or not isinstance(found, Stream):
            return False
        is_one = found.get("/Subtype") == Name.Image or _is_group(found)
        is_clear = ink.is_flat or (is_one and not ink.shows_fill) or _has_no_room(found)
        return is_clear or not self._draughtsman.layers.is_drawn(found.get("/OC"))

    def _needed(self, category: str, given: str) -> Object | None:
        """What has this name; some readers look for what a form lacks on its page, or take another font."""
        found = self._found(category, given)
        if found is None and (self._is_nested or category in _NEEDED):
            raise NotTaken(_REFUSED.get(category, "content-in-pdf"))
        return found

    def _found(self, category: str, given: str) -> Object | None:
        of_kind = None if self.given is None else self.given.get(category)
        return of_kind.get(given) if isinstance(of_kind, Dictionary) else None

    def _add(self, category: str, made: Object) -> bytes:
        entries = self._made.setdefault(category, {})
        name = f"/{_SHORT[category]}{len(entries)}"
        entries[name] = made
        return name.encode()


def _own_or(given: Object, around: Resources) -> tuple[Object | None, object]:
    """The resources that a stream names: its own, or those around it, and what tells those from others."""
    own = given.get("/Resources")
    return (own, None) if isinstance(own, Dictionary) else (around.given, around.key)


def _identity(making: Making, resources: Dictionary | None) -> Hashable:
    """The same for resources, or fonts, that hold the same: pages often have a copy of their own."""
    if resources is None or resources.is_indirect:
        return None if resources is None else resources.objgen
    told = resources.unparse()
    making.work.take_bytes(len(told))
    return hashlib.sha256(told).digest()


def _is_group(given: Object) -> bool:
    group = given.get("/Group")
    return isinstance(group, Dictionary) and group.get("/S") == Name.Transparency


def _has_no_room(form: Stream) -> bool:
    """Whether its box has no area, so that nothing in it shows."""
    sides = box(form.get("/BBox")) if form.get("/Subtype") == Name.Form else None
    return sides is not None and (sides[0] == sides[2] or sides[1] == sides[3])


def _ink_within(given: Object, ink: Ink) -> Ink:
    """What a page or form begins with."""
    is_group = _is_group(given)
    return ink.within(is_group=is_group, is_knockout=is_group and truth(given.Group.get("/K")) is True)


def _streams(source: Object) -> list[Stream]:
    parts = list(source) if isinstance(source, Array) else [source]
    return [each for each in parts if isinstance(each, Stream)]
