"""Reads a JSON Schema object as rows of a table for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One member of an object: its name, what it holds, whether it must be there and may be null."""

    name: str
    holds: str
    is_required: bool
    may_be_null: bool


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema that a `$ref` within the same document points to, or the schema itself."""
    while "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def fields_of(schema: Schema, root: Schema) -> Iterator[Field]:
    """The members of an object, in their order."""
    schema = resolved(schema, root)
    required = schema.get("required", ())
    for name, held in schema.get("properties", {}).items():
        may_be_null = any(each.get("type") == "null" for each in held.get("anyOf", ()))
        yield Field(name, held_in(held, root), name in required, may_be_null)


def rows_of(schema: Schema, root: Schema) -> list[tuple[str, ...]]:
    """The same as rows: name, what it holds, and `yes` where it must be there."""
    return [
        (f"`{each.name}`", each.holds, "yes" if each.is_required else "") for each in fields_of(schema, root)
    ]


def held_in(schema: Schema, root: Schema) -> str:
    """A few words for what a schema admits; an object is told by its name."""
    name = schema.get("$ref", "").rpartition("/")[2]
    schema = resolved(schema, root)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        kinds = [held_in(each, root) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"list of {held_in(schema.get('items', {}), root)}"
    if schema.get("type") == "object":
        return name if "properties" in schema else _mapping(schema, root)
    return str(schema.get("format") or schema.get("type") or "anything")


def _mapping(schema: Schema, root: Schema) -> str:
    values = schema.get("additionalProperties")
    return f"text → {held_in(values, root)}" if isinstance(values, Mapping) else "object"


def table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A Markdown table; a bar or line break within a cell does not break it."""
    lines = [f"| {' | '.join(headers)} |", f"|{'---|' * len(headers)}"]
    for row in rows:
        cells = [cell.replace("|", "\\|").replace("\n", " ") for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
