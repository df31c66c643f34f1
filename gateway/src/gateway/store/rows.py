"""Reading rows of raw SQL."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection


async def one(connection: AsyncConnection, statement: str, values: Mapping[str, Any]) -> RowMapping | None:
    """The one row that a statement finds, or None."""
    return (await connection.execute(text(statement), values)).mappings().one_or_none()


def parsed(value: Any) -> Any:  # noqa: ANN401 -- raw SQL leaves JSON columns as text
    """A JSON column as Python sees it."""
    return json.loads(value) if isinstance(value, (str, bytes)) else value
