"""The gateway's settings."""

from typing import Annotated, Literal, Self

from common.addresses import SHOWN
from common.settings import ServiceSettings
from pydantic import Field, SecretStr, model_validator

from gateway.domain.networks import Proxies


class GatewaySettings(ServiceSettings):
    """Settings of the gateway, each read from ``VERMOEDEN_<NAME>``."""

    identity_kid: str = "k1"  # the id under which services know the public half
    identity_private_key: SecretStr  # base64url, 32 bytes; see `common.auth.generate_identity_key`
    voucher_keys: dict[str, str]  # id → base64url Ed25519: with which intake vouches for reporters' keys

    intake_url: str = "http://127.0.0.1:8001"  # where intake answers; https:// beyond this machine
    casework_url: str = "http://127.0.0.1:8002"  # where casework answers; likewise
    notifier_url: str = "http://127.0.0.1:8003"  # where notifier answers; likewise
    reporting_url: str = "http://127.0.0.1:8004"  # where reporting answers; likewise
    tls_callers: tuple[str, ...] = ()  # the proxy in front needs no certificate, unless names stand here
    # "none" where the port is published on loopback only, for a proxy with a certificate on the same machine.
    door_security: Literal["tls", "none"] = "tls"  # between that proxy and the gateway; "none": in clear
    upstream_connect_seconds: float = 2  # to reach a service
    upstream_read_seconds: float = 30  # between two pieces of an answer, not for all of it
    upload_answer_seconds: float = 55  # for the answer about a file, which waits its turn and is cleaned
    # Of these three, who signed in or has an API key finds a third as much again, for them alone; of bytes as
    # much as three of the largest mails.
    upstream_connections: int = 192  # to each service; a municipality has half at most, one person a third
    bodies_in_hand_bytes: int = 48 * 1024 * 1024  # of all requests together; over this the slow, then 503
    uploads_at_once: int = 48  # larger bodies; each holds a connection to a service
    body_read_seconds: float = 30  # a body of up to 1 MiB must be in within this time
    body_idle_seconds: float = 10  # between two pieces of it
    body_grace_seconds: float = 5  # of waiting for a body, before its rate counts
    body_bytes_per_second: int = 1024  # at the least, from then on
    upload_idle_seconds: float = 10  # between two pieces of a larger body
    upload_seconds: float = 600  # a larger body must be in within this time
    upload_grace_seconds: float = 10  # of waiting for it, before its rate counts
    upload_bytes_per_second: int = 4096  # at the least, from then on
    upload_block_per_minute: float = 30  # anonymous files of one network (/24, /48) in one municipality
    upload_block_burst: int = 150  # at once, before it slows down
    upload_municipality_per_minute: float = 300  # anonymous files to one municipality; a network has half
    upload_municipality_burst: int = 600  # at once, before it slows down
    upload_waiting_most: int = 500  # anonymous files of one municipality that wait for a report, as at intake

    connections: int = 4096  # of clients; one network alone holds half at most
    head_seconds: float = 10  # from the first byte of a request to the end of its head
    idle_seconds: float = 30  # a connection without a request
    unread_seconds: float = 20  # to read 48 KiB of an answer
    proxies: str = ""  # addresses or networks, between commas, that may say who the client is; none: nobody
    proxy_hops: int = 0  # or: so many proxies stand in front, whatever their addresses; never both
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"  # in which they write it

    default_municipality: str | None = None  # for anonymous requests that name none
    municipality_refresh_seconds: float = 5  # a change of a municipality is known within this time

    is_https: bool = True  # Secure cookies with the __Host- prefix, and HSTS
    hsts_seconds: int = 31_536_000  # 0: no Strict-Transport-Security
    session_idle_seconds: int = 30 * 60  # without a request
    session_absolute_seconds: int = 12 * 60 * 60  # after signing in, used or not
    # Lax, because a mail to a department links to its work list. Every change needs a CSRF token besides.
    session_same_site: Literal["strict", "lax"] = "lax"  # of the session cookie
    known_browser_days: int = 180  # so long guessing from elsewhere does not slow a browser that signed in

    # Of the processor of a gateway, which is one: what all requests together may use, files of the pages too.
    work_block_share: float = 0.2  # one network (/24, /48), wherever it asks
    work_block_burst_seconds: float = 2  # at once, before it slows down
    work_municipality_share: float = 0.5  # all requests to one municipality; a network leaves half
    work_municipality_burst_seconds: float = 6  # at once, before it slows down
    refusals_per_second: float = 100  # to one network that is over its share; each waits its turn
    rate_patience_seconds: float = 1  # slow down this long before refusing

    rate_key_per_minute: int = 600  # one API key, unless it was given a pace of its own

    proof_bits: int = 16  # work of an anonymous report: about 2^16 hashes; 0 asks for none
    proof_bits_most: int = 18  # a slow phone computes this in a second, and hardly ever takes 5
    proof_free_per_minute: int = 60  # accepted by a municipality; for each doubling above it the work doubles
    proof_seconds: int = 600  # so long a challenge is valid
    repeat_per_second: float = 1  # of one report, sent again with the same proof
    repeat_burst: int = 60  # likewise, at once
    form_seconds_least: int = 3  # a form without script that comes back sooner was not filled in by a person
    form_seconds_most: int = 12 * 60 * 60
    form_per_second: float = 2  # forms without script, of one municipality; one network may use half of it
    form_burst: int = 60
    form_patience_seconds: float = 5  # so long a form without script waits for its turn before it is refused
    text_per_second: float = 20  # pages of 2,000 characters, to one municipality; one network half, in all
    text_burst: int = 400  # at once; looking before sending has as much of its own
    preview_per_second: float = 0.2  # looks at what one report would hide, in pages of 2,000 characters
    preview_burst: int = 12

    draft_keys_most: int = 20_000  # halves of drafts' keys of one municipality; a network leaves half free
    draft_key_block_per_minute: float = 30  # from one network (/24, /48) in one municipality
    draft_key_block_burst: int = 120  # at once, before it slows down
    draft_key_municipality_per_minute: float = 600  # of one municipality; a network has half
    draft_key_municipality_burst: int = 1200  # at once, before it slows down

    padding_seconds: Annotated[float, Field(ge=3600)] = 86_400  # in twice this what was heard leaves the disk

    security_contact: Annotated[str | None, SHOWN] = None  # mailto: or https:, for security.txt

    @property
    def answers_in_clear(self) -> bool:
        """Whether the proxy in front speaks to the gateway without TLS."""
        return self.door_security == "none"

    @model_validator(mode="after")
    def _require_proxies(self) -> Self:
        self.trusted_proxies()
        return self

    def trusted_proxies(self) -> Proxies:
        """Whose word counts; raises ValueError for a name that is no address or network."""
        is_rfc7239 = self.forwarded_header == "forwarded"
        names = [each for each in self.proxies.split(",") if each.strip()]
        return Proxies.named(names, self.proxy_hops, is_rfc7239=is_rfc7239)

    @property
    def service_urls(self) -> dict[str, str]:
        """Where each service answers."""
        return {
            "intake": self.intake_url.rstrip("/"),
            "casework": self.casework_url.rstrip("/"),
            "notifier": self.notifier_url.rstrip("/"),
            "reporting": self.reporting_url.rstrip("/"),
        }
