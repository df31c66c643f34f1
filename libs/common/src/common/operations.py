"""Liveness, readiness and metrics, on a port of their own that only operators reach."""

from collections.abc import Sequence
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common.metrics import TROUBLE


class Watched(Protocol):
    """A part whose readiness counts; one with `is_background = True` is not needed to answer requests."""

    name: str

    @property
    def trouble(self) -> str | None:
        """Why it is not ready, or None."""


def operations_app(parts: Sequence[Watched]) -> Starlette:
    """`/livez` answers while the loop runs; `/readyz` is 503 with the reasons while a part has trouble.

    `/servez` is 503 only while a part that requests need has trouble: a load balancer asks it, so that
    reports are still taken in while the broker is away. `/metrics` tells of every part's trouble too.
    """

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> Response:
        return _readiness(parts)

    async def serves(_request: Request) -> Response:
        return _readiness([part for part in parts if not getattr(part, "is_background", False)])

    async def measure(_request: Request) -> Response:
        for part in parts:
            TROUBLE.labels(part.name).set(1 if part.trouble else 0)
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(
        routes=[
            Route("/livez", live),
            Route("/readyz", ready),
            Route("/servez", serves),
            Route("/metrics", measure),
        ]
    )


def _readiness(parts: Sequence[Watched]) -> Response:
    troubles = {part.name: part.trouble for part in parts if part.trouble}
    return JSONResponse(
        {"status": "not ready" if troubles else "ok", "troubles": troubles},
        status_code=503 if troubles else 200,
    )
