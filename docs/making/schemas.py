"""Golden JSON Schemas: what each event promised on the wire, and whether a newer one keeps the promise."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from common.contracts.base import Event
from common.flow import HEARD_BY

from making.fields import Schema, resolved

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_WORDS = frozenset({"$schema", "$id", "$defs", "$ref", "title", "description", "default", "examples"})
_NESTED = frozenset({"properties", "required", "items", "additionalProperties", "anyOf", "enum"})


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The schema of an event's `data`, as a hearer reads it."""
    made = event.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DIALECT, "$id": f"urn:vermoeden:schema:{event.name}", **made}


def file_name(event: type[Event]) -> str:
    """Where the golden schema of an event lies, below docs/."""
    return f"schemas/{event.name}.json"


def schema_files() -> dict[str, str]:
    """The golden schema of every event."""
    return {file_name(event): _text(schema_of(event)) for event in HEARD_BY}


def broken_promises(golden: Schema, now: Schema) -> list[str]:
    """What older speakers or hearers would stumble over; empty when there were only optional additions.

    A new value of a code is an addition too: a hearer that does not know it parks the event, and replays
    it once it is brought up to date (docs/guarantees.md).
    """
    return list(_broken(golden, golden, now, now, ""))


def _broken(golden: Schema, golden_root: Schema, now: Schema, root: Schema, at: str) -> Iterator[str]:
    golden, now = resolved(golden, golden_root), resolved(now, root)
    here = at or "the event"
    for word in sorted((golden.keys() | now.keys()) - _WORDS - _NESTED):
        if golden.get(word) != now.get(word):
            yield f"{here}: `{word}` was {golden.get(word)!r} and is {now.get(word)!r}"
    lost = [value for value in golden.get("enum", ()) if value not in now.get("enum", ())]
    if lost or ("enum" in now and "enum" not in golden):
        yield f"{here}: admits fewer values ({', '.join(map(str, lost)) or 'now a closed list'})"
    yield from _broken_members(golden, golden_root, now, root, at)
    alternatives = golden.get("anyOf", ()), now.get("anyOf", ())
    if len(alternatives[0]) != len(alternatives[1]):
        yield f"{here}: the kinds of value that it admits have changed"
    else:
        for before, after in zip(*alternatives, strict=True):
            yield from _broken(before, golden_root, after, root, at)
    for word in ("items", "additionalProperties"):
        before, after = golden.get(word), now.get(word)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _broken(before, golden_root, after, root, f"{at}/*")
        elif before != after:
            yield f"{here}: `{word}` has changed"


def _broken_members(golden: Schema, golden_root: Schema, now: Schema, root: Schema, at: str) -> Iterator[str]:
    before, after = golden.get("properties", {}), now.get("properties", {})
    was_required, is_required = set(golden.get("required", ())), set(now.get("required", ()))
    for name in before:
        if name not in after:
            yield f"{at}/{name}: is gone or renamed"
            continue
        yield from _broken(before[name], golden_root, after[name], root, f"{at}/{name}")
    for name in sorted(is_required - was_required):
        yield f"{at}/{name}: is newly required, so older events would not be read"
    for name in sorted((was_required - is_required) & after.keys()):
        yield f"{at}/{name}: may be absent now, and older hearers need it"


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
