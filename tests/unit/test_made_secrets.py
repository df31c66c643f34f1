"""The secrets that an installation starts with: kept, apart from each other, and enough to start."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from common.auth import Identity, IdentitySigner, IdentityVerifier
from common.errors import NotSignedIn
from common.flow import SERVICES
from common.key_pairs import rotate_identity, rotate_voucher
from common.provisioning import make_secrets, renew_passwords
from common.sealing import decode, key_pair_of
from common.vouching import Signing

from tests.support.deployment import settings_type


def _make(folder: Path) -> int:
    return make_secrets(folder, postgres="db:5432", broker="mq:5671", management="mq:15671")


def _contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_secrets_that_are_there_are_kept(tmp_path: Path) -> None:
    assert _make(tmp_path) > 0
    before = _contents(tmp_path)
    assert _make(tmp_path) == 0
    assert _contents(tmp_path) == before


def test_nobody_else_on_the_machine_reads_a_secret(tmp_path: Path) -> None:
    _make(tmp_path)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.rglob("*") if file.is_file()} == {0o600}


def test_a_service_gets_no_password_of_another_and_not_its_owners(tmp_path: Path) -> None:
    _make(tmp_path)
    seen: dict[str, str] = {}
    for service in SERVICES:
        for file in (tmp_path / service).iterdir():
            text = file.read_text()
            assert "owner" not in file.name
            if file.name not in ("vermoeden_identity_keys", "ca.crt"):  # public halves
                assert seen.setdefault(text, service) == service, file.name


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_the_files_alone(
    tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path)
    monkeypatch.setenv("VERMOEDEN_SECRETS_FOLDER", str(tmp_path / service))
    settings = settings_type(service).from_environment()
    assert settings.database_owner_url is None
    assert settings.broker_url.get_secret_value().startswith(f"amqps://{service}:")
    monkeypatch.setenv("VERMOEDEN_SECRETS_FOLDER", str(tmp_path / "setup" / service))
    assert settings_type(service).from_environment().database_owner_url is not None


def test_a_variable_wins_over_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path)
    monkeypatch.setenv("VERMOEDEN_SECRETS_FOLDER", str(tmp_path / "casework"))
    monkeypatch.setenv("VERMOEDEN_BROKER_URL", "amqps://elsewhere/")
    assert settings_type("casework").from_environment().broker_url.get_secret_value() == "amqps://elsewhere/"


def test_the_halves_of_the_key_pairs_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path)
    private = (tmp_path / "gateway/vermoeden_identity_private_key").read_text()
    monkeypatch.setenv("VERMOEDEN_SECRETS_FOLDER", str(tmp_path / "casework"))
    keys = settings_type("casework").from_environment().identity_keys
    token = IdentitySigner("k1", decode(private)).sign(Identity("veldstad"), "casework")
    assert IdentityVerifier("casework", keys).verify(token).municipality == "veldstad"
    notifier = key_pair_of(decode((tmp_path / "notifier/vermoeden_notifier_private_key").read_text()))
    assert decode((tmp_path / "intake/vermoeden_notifier_public_key").read_text()) == notifier.public


def test_renewing_one_service_leaves_the_others_and_the_key_pairs(tmp_path: Path) -> None:
    _make(tmp_path)
    before = _contents(tmp_path)
    renew_passwords(tmp_path, "gateway")
    after = _contents(tmp_path)
    assert after.keys() == before.keys()
    changed = {name for name in before if after[name] != before[name]}
    urls = {f"vermoeden_database_{role}_url" for role in ("web", "flow")} | {"vermoeden_broker_url"}
    assert changed == {
        *(f"gateway/{name}" for name in urls),
        *(f"setup/gateway/{name}" for name in urls | {"vermoeden_database_owner_url"}),
    }
    for name in urls:
        assert after[f"gateway/{name}"] == after[f"setup/gateway/{name}"]
        assert urlsplit(after[f"gateway/{name}"]).hostname == urlsplit(before[f"gateway/{name}"]).hostname


def test_half_a_key_folder_is_refused(tmp_path: Path) -> None:
    _make(tmp_path)
    (tmp_path / "setup/keys/vermoeden_identity_keys").unlink()
    with pytest.raises(SystemExit, match="vermoeden_identity_keys is missing"):
        _make(tmp_path)


def _is_trusted(folder: Path) -> dict[str, bool]:
    """Whether each service believes what the gateway's own files let it sign."""
    kid = (folder / "gateway/vermoeden_identity_kid").read_text()
    private = (folder / "gateway/vermoeden_identity_private_key").read_text()
    trusted = {}
    for service in ("intake", "casework", "notifier", "reporting"):
        keys = json.loads((folder / service / "vermoeden_identity_keys").read_text())
        assert keys == json.loads((folder / "setup" / service / "vermoeden_identity_keys").read_text())
        token = IdentitySigner(kid, decode(private)).sign(Identity("veldstad"), service)
        trusted[service] = IdentityVerifier(service, keys).verify(token).municipality == "veldstad"
    return trusted


def test_the_gateways_key_is_replaced_without_a_moment_of_mistrust(tmp_path: Path) -> None:
    _make(tmp_path)
    old = (tmp_path / "gateway/vermoeden_identity_private_key").read_text()
    for step in ("announce", "switch", "finish"):
        rotate_identity(tmp_path, step)
        assert all(_is_trusted(tmp_path).values()), step
        assert _make(tmp_path) == 0  # nothing is missing, nothing comes back
    kid = (tmp_path / "gateway/vermoeden_identity_kid").read_text()
    assert kid == "k2"
    token = IdentitySigner("k1", decode(old)).sign(Identity("veldstad"), "intake")
    keys = json.loads((tmp_path / "intake/vermoeden_identity_keys").read_text())
    with pytest.raises(NotSignedIn):
        IdentityVerifier("intake", keys).verify(token)
    rotate_identity(tmp_path, "announce")  # and again, another time
    assert all(_is_trusted(tmp_path).values())


def test_intakes_key_is_replaced_and_what_the_old_one_signed_goes_on_to_count(tmp_path: Path) -> None:
    _make(tmp_path)
    for number in (2, 3):
        rotate_voucher(tmp_path, "announce")
        with pytest.raises(SystemExit, match="switch"):
            rotate_voucher(tmp_path, "announce")
        rotate_voucher(tmp_path, "switch")
        known = json.loads((tmp_path / "gateway/vermoeden_voucher_keys").read_text())
        kid = (tmp_path / "intake/vermoeden_voucher_kid").read_text()
        private = (tmp_path / "intake/vermoeden_voucher_private_key").read_text()
        assert (kid, len(known)) == (f"v{number}", number)
        assert Signing(private).public_key == known[kid]
    assert _make(tmp_path) == 0


def test_an_installation_from_before_gets_the_new_pair_and_keeps_the_others(tmp_path: Path) -> None:
    _make(tmp_path)
    for file in tmp_path.rglob("vermoeden_voucher_*"):
        file.unlink()
    before = _contents(tmp_path)
    assert _make(tmp_path) == 9
    assert {name: value for name, value in _contents(tmp_path).items() if name in before} == before


def test_a_step_out_of_turn_changes_nothing(tmp_path: Path) -> None:
    _make(tmp_path)
    before = _contents(tmp_path)
    for step in ("switch", "finish"):
        with pytest.raises(SystemExit, match="next step is `announce`"):
            rotate_identity(tmp_path, step)
    assert _contents(tmp_path) == before
    rotate_identity(tmp_path, "announce")
    with pytest.raises(SystemExit, match="next step is `switch`"):
        rotate_identity(tmp_path, "announce")
