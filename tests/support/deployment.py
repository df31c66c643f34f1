"""What a service must be given, for the checks of compose and Kubernetes files."""

from importlib import import_module
from pathlib import Path

from common.provisioning import make_secrets
from common.settings import ServiceSettings
from gateway.mail.apart import BOUNDS as MAIL_BOUNDS
from gateway.mail.apart import PLACES as MAIL_PLACES
from intake.settings import IntakeSettings

#: What a process that serves may come to need itself; a service without programs apart has no more than this.
OWN_MIB = 512


def settings_type(service: str) -> type[ServiceSettings]:
    """The settings class that a service defines itself."""
    module = import_module(f"{service}.settings")
    (found,) = (
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, ServiceSettings) and each.__module__ == module.__name__
    )
    return found


def memory_mib(service: str) -> int:
    """What a service may come to need with all its programs apart at work, by the usual settings."""
    usual = {name: field.default for name, field in IntakeSettings.model_fields.items()}
    readers = usual["files_workers"] + usual["files_workers_of_known"]
    apart = {
        "intake": readers * usual["files_worker_memory_mib"],
        "gateway": MAIL_PLACES * MAIL_BOUNDS.memory_mib,
    }
    return OWN_MIB + int(apart[service])


def setting_names(service: str) -> set[str]:
    """Every variable that a service reads."""
    fields = settings_type(service).model_fields
    return {f"VERMOEDEN_{name.upper()}" for name in fields} | {"VERMOEDEN_SECRETS_FOLDER"}


def required_names(service: str) -> set[str]:
    """The variables without which a service does not start."""
    fields = settings_type(service).model_fields
    return {f"VERMOEDEN_{name.upper()}" for name, field in fields.items() if field.is_required()}


def secret_names(folder: Path, service: str) -> set[str]:
    """The variables for which `common.provisioning` writes a file that the running service gets."""
    make_secrets(folder, postgres="postgres:5432", broker="rabbitmq:5671", management="rabbitmq:15671")
    return {file.name.upper() for file in (folder / service).iterdir()}
