"""Routing rules as they are stored and as the domain takes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from casework.domain import Rule


def rules_of(stored: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules in their order, from their JSON."""
    return tuple(
        Rule(
            name=rule["name"],
            department=rule["department"],
            when={condition: tuple(values) for condition, values in rule["when"].items()},
        )
        for rule in stored
    )


def rules_json(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """The rules in their order, as JSON."""
    return [
        {
            "name": rule.name,
            "department": rule.department,
            "when": {condition: list(values) for condition, values in rule.when.items()},
        }
        for rule in rules
    ]
