"""The OpenAPI documents of the five applications, made from the applications themselves."""

import json
import os
from pathlib import Path
from typing import Any

from casework.main import build_app as casework_app
from casework.settings import CaseworkSettings
from common.auth import IdentityVerifier, generate_identity_key
from common.db import Database
from common.sealing import encode
from common.settings import ServiceSettings
from common.vouching import Signing, new_signing_key
from fastapi import FastAPI
from gateway.api import create_api
from gateway.main import build_front
from gateway.settings import GatewaySettings
from intake.actions import Intake, Municipalities
from intake.admission import Admission
from intake.attachments import Attachments
from intake.editing import Editing
from intake.main import build_app as intake_app
from intake.main import build_attachments
from intake.seed import load_seed
from intake.settings import IntakeSettings, OwnKey
from intake.writer import Writer
from notifier.main import build_app as notifier_app
from notifier.settings import NotifierSettings
from reporting.api import create_reporting_app
from reporting.copying import Exports

Document = dict[str, Any]

#: Nothing connects before a process runs, so these addresses are never asked.
_ADDRESSES: dict[str, Any] = {
    "database_web_url": "postgresql://nobody@127.0.0.1/nothing",
    "database_flow_url": "postgresql://nobody@127.0.0.1/nothing",
    "broker_url": "amqp://nobody@127.0.0.1/",
}


def documents() -> dict[str, Document]:
    """The document of each service, by its name."""
    return {service: app.openapi() for service, app in _apps().items()}


def document_files() -> dict[str, str]:
    """The same as files below docs/."""
    return {
        f"api/{service}.openapi.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for service, document in documents().items()
    }


def no_attachments() -> Attachments:
    """Intake's room for files, with nothing behind it."""
    settings = IntakeSettings(
        **_ADDRESSES, notifier_public_key="-", voucher_private_key="-", files_folder=Path(os.devnull)
    )
    return build_attachments(settings, Database.from_settings(settings))


def own_key() -> OwnKey:
    """A key with which nobody vouches for anything."""
    return OwnKey("-", Signing(new_signing_key()))


async def _nothing() -> None:
    """No process runs, so nothing is read again."""


def _apps() -> dict[str, FastAPI]:
    database = Database.from_settings(ServiceSettings(**_ADDRESSES))
    private, _ = generate_identity_key()
    writer = Writer(database, queue_size=1, batch=1, count=1)
    return {
        "intake": intake_app(
            IntakeSettings(**_ADDRESSES, notifier_public_key="-", voucher_private_key="-"),
            Intake(writer, Municipalities(), b"", own_key(), no_attachments()),
            Editing(database, Municipalities(), load_seed(), refresh=_nothing),
            Admission(database, Municipalities()),
        ),
        "casework": casework_app(CaseworkSettings(**_ADDRESSES), database),
        "notifier": notifier_app(NotifierSettings(**_ADDRESSES, notifier_private_key="-"), database),
        "reporting": create_reporting_app(
            database,
            Exports(_ADDRESSES["database_web_url"], connections=1, seconds=1),
            IdentityVerifier("reporting", {}),
        ),
        "gateway": create_api(
            build_front(
                GatewaySettings(**_ADDRESSES, identity_private_key=encode(private), voucher_keys={}), database
            )
        ),
    }
