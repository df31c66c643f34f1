"""A number that makes no sense ends the start with the setting's name, and starts no loop without a pause."""

from typing import Any

import pytest
from common.flow import SERVICES
from pydantic import ValidationError

from tests.support.deployment import settings_type

_NEEDED = {
    **{f"database_{role}_url": "postgresql://127.0.0.1:1/x" for role in ("web", "flow")},
    "broker_url": "amqp://127.0.0.1:1/",
    **{f"{name}_private_key": "x" for name in ("identity", "notifier", "voucher")},
    "notifier_public_key": "x",
    "voucher_keys": {},
}
_NUMBERS = [
    (service, name)
    for service in SERVICES
    for name, field in settings_type(service).model_fields.items()
    if type(field.default) in {int, float}
]


def _refused(service: str, **changes: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        settings_type(service)(**{**_NEEDED, **changes})
    return str(refused.value)


@pytest.mark.parametrize(("service", "name"), _NUMBERS)
def test_no_number_is_below_nothing_or_endless(service: str, name: str) -> None:
    is_whole = settings_type(service).model_fields[name].annotation is int
    for value in [-1] if is_whole else [-1, float("nan"), float("inf")]:
        assert name in _refused(service, **{name: value}).lower()


def test_retries_are_numbers_too() -> None:
    assert "VERMOEDEN_RETRY_SECONDS: write a number" in _refused(SERVICES[0], retry_seconds=(5, -1))


@pytest.mark.parametrize("seconds", [0, 1, 3599])
def test_padding_that_would_not_stop_is_refused(seconds: float) -> None:
    assert "padding_seconds" in _refused("gateway", padding_seconds=seconds)
