"""Files through the gateway, with a real intake behind it: streamed on, and refused so that it is heard."""

import io
import os
from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio
from common.contracts.codes import Role

from tests.support import files
from tests.support.backing import Backing
from tests.support.reporting_point import Point, reporting_point

MIB = 1024 * 1024
PATH = "/api/v1/attachments"
HEADERS = {"Content-Type": "image/jpeg", "Signal-Type": "hennepteelt"}


@pytest_asyncio.fixture(scope="module")
async def point(backing: Backing) -> AsyncIterator[Point]:
    """One reporting point for this module."""
    async with reporting_point(backing) as made:
        yield made


async def pieces(size_bytes: int) -> AsyncIterator[bytes]:
    yield files.photo()
    for _ in range(size_bytes // (256 * 1024)):
        yield bytes(256 * 1024)


async def test_an_anonymous_reporter_sends_a_photo(point: Point) -> None:
    async with point.gateway.client.post(PATH, data=files.photo((2000, 1500)), headers=HEADERS) as answer:
        told = await answer.json()
        assert (answer.status, told["mediaType"]) == (201, "image/jpeg")


async def test_a_file_without_a_known_length_is_streamed_on(point: Point) -> None:
    async with point.gateway.client.post(PATH, data=pieces(MIB), headers=HEADERS) as answer:
        assert answer.status == 201, await answer.text()


async def test_every_refusal_of_a_large_file_is_heard_to_its_end(point: Point) -> None:
    for data in (io.BytesIO(os.urandom(30 * MIB)), pieces(30 * MIB)):
        async with point.gateway.client.post(PATH, data=data, headers=HEADERS) as answer:
            assert answer.status == 413
            assert (await answer.json())["code"] == "file-too-large"
    async with point.gateway.client.post(PATH, data=io.BytesIO(bytes(20 * MIB)), headers=HEADERS) as answer:
        assert (await answer.json())["errors"][0]["code"] == "kind-not-taken"


async def test_more_than_any_municipality_takes_never_reaches_intake(point: Point) -> None:
    try:
        async with point.gateway.client.post(
            PATH, data=io.BytesIO(bytes(102 * MIB)), headers=HEADERS
        ) as answer:
            assert answer.status == 413
    except aiohttp.ClientConnectionError:
        pass  # cut off before all was sent, which is no less a refusal


async def test_ciphertext_is_for_handlers_who_signed_in(point: Point) -> None:
    path = f"{PATH}/00000000-0000-4000-8000-000000000000/content"
    for headers, status in (
        ({}, 401),
        (await point.gateway.signed_in(Role.ADMINISTRATOR), 403),
        (await point.gateway.signed_in(Role.HANDLER), 404),
    ):
        async with point.gateway.client.get(path, headers=headers) as answer:
            assert answer.status == status


async def test_who_is_signed_in_sends_the_token_of_the_session_along(point: Point) -> None:
    signed_in = await point.gateway.signed_in(Role.REPORTER)
    cookie = {"Cookie": signed_in["Cookie"]}
    async with point.gateway.client.post(PATH, data=files.photo(), headers={**HEADERS, **cookie}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "csrf-token")
    async with point.gateway.client.post(
        PATH, data=files.photo(), headers={**HEADERS, **signed_in}
    ) as answer:
        assert answer.status == 201


async def test_a_form_takes_its_file_along_so_that_the_next_one_finds_room(backing: Backing) -> None:
    filled = {
        "type": "hennepteelt",
        "description": "Het ruikt er al weken naar wiet.",
        "step": "send",
        "q-waargenomen": "zelf-waargenomen",
        "q-geur": "nee",
    }
    async with reporting_point(backing, upload_waiting_most=2, form_seconds_least=0) as point:
        for _ in range(3):  # of one network, which may have one file waiting
            form = aiohttp.FormData(filled)
            form.add_field("files", files.photo(), filename="loods.jpg", content_type="image/jpeg")
            async with point.gateway.client.post(
                "/veldstad/melden", data=form, headers={"Accept": "text/html"}
            ) as answer:
                assert answer.status == 201, await answer.text()
        assert await point.intake.count() == 3
