"""docs/metrics.md and docs/settings.md: what an operator can watch and what can be set."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module

from common import metrics
from common.flow import SERVICES
from common.settings import ServiceSettings
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from making.fields import table

_METRICS_TOP = """\
# Metrics

*Made by `make generate` from `common.metrics`; do not edit.* Every process serves them at `/metrics` on its
operations port, beside those that the Prometheus client adds of itself (`process_…`, `python_…`). What to
watch and when to wake somebody: [operators.md](operators.md).
"""
_SETTINGS_TOP = """\
# Settings

*Made by `make generate` from the settings classes; do not edit.* Each is an environment variable, or a file
in `/run/secrets` (`VERMOEDEN_SECRETS_FOLDER` names another folder) with the variable's name in lower case;
a variable wins over a file. A setting without a default is needed. Secrets are best given as files:
`python -m common.provisioning secrets` makes them all.
"""
_FIELD = re.compile(r"^    (\w+): [^#]*?(?:#\s*(.+))?$")


def metrics_text() -> str:
    """The page of metrics."""
    rows = [
        (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), told)
        for name, kind, labels, told in sorted(_metrics())
    ]
    return "\n".join([_METRICS_TOP, *table(("metric", "kind", "labels", "what it counts"), rows)]) + "\n"


def _metrics() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    for each in vars(metrics).values():
        if isinstance(each, MetricWrapperBase):
            (family,) = each.describe()
            suffix = "_total" if family.type == "counter" else ""
            yield family.name + suffix, family.type, each._labelnames, family.documentation


def settings_text() -> str:
    """The page of settings."""
    lines = [_SETTINGS_TOP, "## Every process", "", *_settings(ServiceSettings, frozenset())]
    for service in SERVICES:
        own = _settings(settings_type(service), frozenset(ServiceSettings.model_fields))
        lines += ["", f"## {service}", "", *(own or ["Nothing beyond the above."])]
    return "\n".join(lines) + "\n"


def settings_type(service: str) -> type[ServiceSettings]:
    """The settings class that a service defines itself."""
    module = import_module(f"{service}.settings")
    (found,) = (
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, ServiceSettings) and each is not ServiceSettings
    )
    return found


def _settings(kind: type[ServiceSettings], known: frozenset[str]) -> list[str]:
    told = _comments(kind)
    rows = [
        (f"`VERMOEDEN_{name.upper()}`", _default(field), told.get(name, ""))
        for name, field in kind.model_fields.items()
        if name not in known
    ]
    return table(("variable", "default", "what it does"), rows) if rows else []


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed" + (" (secret)" if field.annotation is SecretStr else "")
    if field.default is None:
        return "not set"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, tuple):
        return f"`{list(field.default)}`"
    return f"`{field.default}`"


def _comments(kind: type[ServiceSettings]) -> dict[str, str]:
    """What the source says behind each field."""
    lines = (_FIELD.match(line) for line in inspect.getsource(kind).splitlines())
    return {match[1]: match[2] for match in lines if match and match[2]}
