"""Programs of the tests that run where hostile content is read."""

import json

from common.apart.starting import Program

_MOST_BYTES = 1024 * 1024


async def tried(program: Program, *arguments: str) -> dict[str, bool]:
    """What a program says of its tries: whether each succeeded. It must not break."""
    async with program.running(*arguments, most_bytes=_MOST_BYTES) as process:
        told = b"".join([piece async for piece in process.said()])
        code, _ = await process.ending()
    assert code == 0, f"{program} broke: {code}"
    results: dict[str, bool] = json.loads(told)
    return results
