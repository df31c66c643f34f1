"""What the gateway signs and a service believes."""

import time
from uuid import uuid4

import pytest
from common.auth import LIFETIME_SECONDS, Identity, IdentitySigner, IdentityVerifier, generate_identity_key
from common.contracts.codes import Role
from common.errors import NotSignedIn


@pytest.mark.parametrize("ahead_seconds", [1, 4, -LIFETIME_SECONDS - 2])
def test_clocks_may_be_a_few_seconds_apart(monkeypatch: pytest.MonkeyPatch, ahead_seconds: float) -> None:
    assert _verified(monkeypatch, ahead_seconds).municipality == "veldstad"


@pytest.mark.parametrize("ahead_seconds", [20, -LIFETIME_SECONDS - 20])
def test_a_token_of_another_time_is_refused(monkeypatch: pytest.MonkeyPatch, ahead_seconds: float) -> None:
    with pytest.raises(NotSignedIn):
        _verified(monkeypatch, ahead_seconds)


@pytest.mark.parametrize(
    ("identity", "is_professional"),
    [
        (Identity("veldstad"), False),
        (Identity("veldstad", person=uuid4()), True),
        (Identity("veldstad", key_name="csv", roles=frozenset({Role.EXPORT})), False),
        (Identity("veldstad", key_name="kcc", roles=frozenset({Role.STAFF_ENTRY})), True),
    ],
)
def test_a_key_that_only_downloads_does_not_report(identity: Identity, is_professional: bool) -> None:
    assert identity.is_professional is is_professional


def _verified(monkeypatch: pytest.MonkeyPatch, ahead_seconds: float) -> Identity:
    private, public = generate_identity_key()
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("common.auth.time.time", lambda: now + ahead_seconds)
        token = IdentitySigner("k1", private).sign(Identity("veldstad"), "intake")
    return IdentityVerifier("intake", {"k1": public}).verify(token)
