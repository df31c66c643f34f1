"""The notifier's own settings."""

from typing import Annotated, Literal, Self

from common.addresses import SHOWN, is_local
from common.settings import ServiceSettings
from pydantic import SecretStr, model_validator


class NotifierSettings(ServiceSettings):
    """Settings of the notifier process."""

    notifier_private_key: SecretStr  # base64url X25519; opens the addresses that reporters leave for notices
    public_url: Annotated[str, SHOWN] = "http://127.0.0.1:8080"  # where the pages are; links begin with it
    smtp_host: str = "127.0.0.1"  # the mail server
    smtp_port: int = 25  # and its port
    smtp_user: str | None = None  # when the mail server wants a sign-in
    smtp_password: SecretStr | None = None  # best given as a file
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"  # "none": only to this machine
    smtp_seconds: float = 20  # for each answer of the mail server
    sender: str = "noreply@vermoeden.example"  # the address that mails come from
    delivery_batch: int = 100  # mails that one replica takes at a time; no row tells their order
    delivery_poll_seconds: float = 1.0  # how often it looks for mails that are due
    delivery_lease_seconds: float = 300  # an attempt that has not ended by then belongs to another replica
    delivery_retry_seconds: tuple[float, ...] = (60, 300, 1800, 7200, 21600, 86400)  # then failed
    mails_at_once: bool = False  # only to try it out: the time of a mail then tells when its report came

    @model_validator(mode="after")
    def _no_mail_in_clear(self) -> Self:
        if self.smtp_security == "none" and not is_local(self.smtp_host):
            raise ValueError(
                "VERMOEDEN_SMTP_SECURITY: none is for a mail server on this machine only. Write starttls,"
                " or tls for a port that begins with TLS (465)."
            )
        return self
