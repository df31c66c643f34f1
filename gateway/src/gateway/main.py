"""Puts the gateway together: the only place where its parts meet."""

from common.apart.starting import Watch
from common.auth import IdentitySigner
from common.connections import Guard, Limits
from common.db import Database
from common.house import build_house
from common.messaging.padding import Padder
from common.repeating import Repeating
from common.runtime import limits_within
from common.runtime import serve as serve_process
from common.sealing import decode

from gateway import draft_keys, session
from gateway.api import MAX_BODY_BYTES, create_api
from gateway.bodies import Bodies, Tempo, Uploads, WithWholeBody
from gateway.browsers import Browsers
from gateway.consumers import HANDLERS
from gateway.cookies import CookieNames
from gateway.domain.fading import SharedPace
from gateway.domain.pace import Pace
from gateway.door import Door
from gateway.draft_keys import DraftKeys
from gateway.flood import Flood
from gateway.front import Directory, Front
from gateway.invitations import Invitations
from gateway.key_pace import KeyPace
from gateway.mail import MAX_BYTES
from gateway.pages import Pages
from gateway.pages.carrying import FIELDS_BYTES
from gateway.passthrough import Passthrough
from gateway.passwords import Passwords
from gateway.session import Clock, Sessions, now_utc
from gateway.settings import GatewaySettings
from gateway.upstream import ServiceClient


def build_front(
    settings: GatewaySettings,
    database: Database,
    *,
    clock: Clock = now_utc,
    passwords: Passwords | None = None,
) -> Front:
    """What pages, API and pass-through stand on; `front.services` must be started in the running loop."""
    secret = decode(settings.identity_private_key.get_secret_value())
    signer = IdentitySigner(settings.identity_kid, secret)
    return Front(
        settings=settings,
        database=database,
        directory=Directory(database, settings),
        sessions=Sessions(
            database, settings, passwords or Passwords(), Browsers(database, settings, secret), clock=clock
        ),
        services=ServiceClient(settings, signer),
        bodies=_bodies(settings),
        uploads=_uploads(settings),
        flood=Flood(settings, secret, clock=lambda: clock().timestamp()),
        invitations=Invitations(),
        draft_keys=DraftKeys(database, settings, clock=clock),
        key_pace=KeyPace(settings.rate_key_per_minute, settings.rate_patience_seconds),
    )


def _bodies(settings: GatewaySettings) -> Bodies:
    tempo = Tempo(
        settings.body_read_seconds,
        settings.body_idle_seconds,
        settings.body_grace_seconds,
        settings.body_bytes_per_second,
    )
    return Bodies(
        tempo, most_bytes=settings.bodies_in_hand_bytes, largest_bytes_of_known=MAX_BYTES + FIELDS_BYTES
    )


def _uploads(settings: GatewaySettings) -> Uploads:
    patience = settings.rate_patience_seconds
    of_block = Pace(settings.upload_block_per_minute / 60, settings.upload_block_burst, patience)
    of_municipality = SharedPace(
        settings.upload_municipality_per_minute / 60, settings.upload_municipality_burst, patience
    )
    tempo = Tempo(
        settings.upload_seconds,
        settings.upload_idle_seconds,
        settings.upload_grace_seconds,
        settings.upload_bytes_per_second,
    )
    return Uploads(settings.uploads_at_once, of_block, of_municipality, tempo, settings.upload_waiting_most)


def build_guard(settings: GatewaySettings) -> Guard:
    """What bounds the connections of clients, and tells from which network each request comes."""
    limits = Limits(
        most=settings.connections,
        cookies=CookieNames(settings.is_https).all,
        head_seconds=settings.head_seconds,
        idle_seconds=settings.idle_seconds,
        unread_seconds=settings.unread_seconds,
    )
    return Guard(limits_within(limits), settings.trusted_proxies())


def build_app(front: Front) -> Door:
    """The whole gateway as one ASGI application."""
    api = WithWholeBody(create_api(front), front.bodies, MAX_BODY_BYTES, front.mark_of)
    return Door(front, api=api, passthrough=Passthrough(front), pages=Pages(front))


def build_sweeps(front: Front) -> tuple[Repeating, ...]:
    """What is forgotten by itself: sessions that ended, halves of keys that are past their day."""
    return (
        Repeating("sessions", front.sessions.sweep, session.SWEEP_SECONDS),
        Repeating("draft keys", front.draft_keys.sweep, draft_keys.SWEEP_SECONDS),
    )


async def serve(settings: GatewaySettings) -> None:
    """Run the gateway until it is told to stop."""
    house = build_house("gateway", settings, HANDLERS)
    front = build_front(settings, house.database)

    async def start() -> None:
        await front.services.start()
        await front.directory.refresh()

    async def stop() -> None:
        await front.services.close()
        await house.close()

    watch = Watch(needs_walls=settings.apart_needs_walls)
    padder = Padder(house.broker, seconds=settings.padding_seconds)
    parts = (*house.parts, front.directory, *build_sweeps(front), watch, padder)
    await serve_process(
        build_app(front), settings, parts, guard=build_guard(settings), on_start=start, on_stop=stop
    )
