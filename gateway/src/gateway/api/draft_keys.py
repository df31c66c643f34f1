"""Half of the key of a draft: made, asked for and destroyed. Ids travel in bodies, never in an address."""

from typing import Annotated, Any

from common.contracts.base import WireModel
from common.errors import Malformed
from common.sealing import encode
from common.web import RequestModel
from fastapi import FastAPI, Request, Response
from pydantic import Field

from gateway.domain.draft_keys import ID_PATTERN, id_of
from gateway.front import Front, Visitor, address_of

PREFIX = "/api/v1/draft-keys"


class DraftNamed(RequestModel):
    """A draft by the id that its browser drew: 16 random bytes, base64url."""

    id: Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]


class DraftKeyShown(WireModel):
    """Half of a draft's key, base64url; keep it in memory only."""

    half: str


def add_draft_keys(app: FastAPI, front: Front, visiting: Any, private: dict[str, str]) -> None:  # noqa: ANN401 -- an annotation
    """Offer `PREFIX`, to anybody: who knows an id drew it, or has the disk that it stands on."""

    @app.post(PREFIX, status_code=201, response_model=DraftKeyShown, summary="Half of a key for a new draft")
    async def make_draft_key(
        visitor: visiting, body: DraftNamed, request: Request, response: Response
    ) -> DraftKeyShown:
        response.headers.update(private)
        front.refuse_forgery(request.scope, visitor)
        half = await front.draft_keys.make(_place(visitor), _id(body), address_of(request))
        return DraftKeyShown(half=encode(half))

    @app.post(
        f"{PREFIX}/_open", response_model=DraftKeyShown, summary="The half of a draft that is not destroyed"
    )
    async def find_draft_key(
        visitor: visiting, body: DraftNamed, request: Request, response: Response
    ) -> DraftKeyShown:
        response.headers.update(private)
        front.refuse_forgery(request.scope, visitor)
        return DraftKeyShown(half=encode(await front.draft_keys.find(_place(visitor), _id(body))))

    @app.post(f"{PREFIX}/_destroy", status_code=204, summary="Destroy the half of a draft, for good")
    async def destroy_draft_key(visitor: visiting, body: DraftNamed, request: Request) -> Response:
        front.refuse_forgery(request.scope, visitor)
        await front.draft_keys.destroy(_place(visitor), _id(body), address_of(request))
        return Response(status_code=204, headers=private)


def _place(visitor: Visitor) -> str:
    return visitor.municipality.code


def _id(body: DraftNamed) -> bytes:
    found = id_of(body.id)
    if found is None:
        raise Malformed("Send the id of a draft as 16 bytes in base64url.")
    return found
