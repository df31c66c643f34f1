"""Functions (ISO 32000-2, 7.10): how a tint becomes a colour, and a shading its course."""

import re

from pikepdf import Array, Dictionary, Object, Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.making import (
    Making,
    at_most,
    dictionary,
    first,
    items,
    kept,
    number,
    plain_numbers,
    sure,
    whole,
)

_MOST_VALUES = 32  # that go in or come out
_USUAL = {"/Range": at_most(2 * _MOST_VALUES)}
_MOST_SAMPLE_BYTES = 32 * 1024 * 1024
_MOST_PROGRAM_BYTES = 64 * 1024
_MOST_PARTS = 4096
_WORDS = frozenset(
    b"abs add atan ceiling cos cvi cvr div exp floor idiv ln log mod mul neg round sin sqrt sub truncate "
    b"and bitshift eq false ge gt le lt ne not or true xor if ifelse copy dup exch index pop roll { }".split()
)
_TOKEN = re.compile(rb"%[^\r\n]*|[{}]|[^\s{}%]+")
_NUMBER = re.compile(rb"[+-]?(?:\d{1,12}\.?\d{0,12}|\.\d{1,12})(?:[eE][+-]?\d{1,2})?")


def function(making: Making, given: object) -> Object | None:
    """A function made anew, or None when it is of no kind that we know."""
    if not isinstance(given, (Dictionary, Stream)):
        return None
    return making.once(given, "function", lambda: _made(making, given))


def functions(making: Making, given: object) -> Object | None:
    """One function, or a list of them."""
    if not isinstance(given, Array):
        return function(making, given)
    made = [function(making, each) for each in items(given, _MOST_PARTS)]
    return None if None in made else Array([each for each in made if each is not None])


def _made(making: Making, given: Object) -> Object | None:
    kind = given.get("/FunctionType")
    inputs = 2 if kind in {2, 3} else 2 * _MOST_VALUES
    usual = {"/FunctionType": kind, **kept(given, {**_USUAL, "/Domain": at_most(inputs)})}
    if kind == 0 and isinstance(given, Stream):
        return _sampled(making, given, usual)
    if kind == 2:
        ends = [len(given[key]) for key in ("/C0", "/C1") if isinstance(given.get(key), Array)]
        colours = at_most(min([*ends, _MOST_VALUES]))
        return dictionary(usual, kept(given, {"/C0": colours, "/C1": colours, "/N": number}))
    if kind == 3:
        parts = functions(making, given.get("/Functions"))
        if not isinstance(parts, Array) or not len(parts):
            return None
        course = {"/Bounds": sure(first(len(parts) - 1)), "/Encode": sure(first(2 * len(parts)))}
        return dictionary(usual, kept(given, course), {"/Functions": parts})
    if kind == 4 and isinstance(given, Stream):
        return making.stream(_program(making.contents(given, _MOST_PROGRAM_BYTES)), usual)
    return None


def _sampled(making: Making, given: Stream, usual: dict[str, object]) -> Object | None:
    sizes, outputs = plain_numbers(given.get("/Size")), plain_numbers(given.get("/Range"))
    domain, bits = plain_numbers(given.get("/Domain")), whole(given.get("/BitsPerSample"))
    outputs = outputs and outputs[: 2 * _MOST_VALUES]
    sizes = sizes and sizes[: len(domain or ()) // 2]
    if not sizes or not outputs or bits not in {1, 2, 4, 8, 12, 16, 24, 32}:
        return None
    needed = bits * len(outputs) // 2
    for size in sizes:
        needed *= max(int(size), 0)
    if (needed_bytes := (needed + 7) // 8) > _MOST_SAMPLE_BYTES:
        raise NotTaken("unpacks-too-large")
    making.work.take_bytes(needed_bytes)
    samples = making.contents(given, _MOST_SAMPLE_BYTES)[:needed_bytes].ljust(needed_bytes, b"\0")
    course = {"/Order": whole, "/Encode": first(2 * len(sizes)), "/Decode": first(len(outputs))}
    told = {"/Size": Array([int(each) for each in sizes]), "/BitsPerSample": bits}
    return making.stream(samples, {**usual, **kept(given, course), **told})


def _program(text: bytes) -> bytes:
    """The same calculation in its own words only: no comments."""
    words = [word for word in _TOKEN.findall(text) if not word.startswith(b"%")]
    if any(word not in _WORDS and not _NUMBER.fullmatch(word) for word in words):
        raise NotTaken("content-in-pdf")
    return b" ".join(words)
