"""The installation's own certificates: who gets which, who may call with one, and how they are replaced."""

import asyncio
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from common.authority import renew_certificates, rotate_authority
from common.callers import names_in
from common.certificates import make_authority, make_certificate, names_of
from common.flow import SERVICES
from common.metrics import CERTIFICATE_ENDS
from common.provisioning import make_secrets, readdress, servers_at
from common.settings import ServiceSettings
from common.tls import FILES, Tls
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

OWNERS = (*SERVICES, "postgres", "rabbitmq", "mail")
_ELSEWHERE = servers_at(postgres="db.example:5432", broker="mq.example:5671", management="mq.example:15671")


def _make(folder: Path) -> int:
    return make_secrets(
        folder, postgres="db.example:5432", broker="mq.example:5671", management="mq.example:15671"
    )


def _make_here(folder: Path) -> None:
    make_secrets(folder, postgres="127.0.0.1:5432", broker="127.0.0.1:5672", management="127.0.0.1:15672")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _make(tmp_path)
    return tmp_path


def _of(folder: Path) -> Tls:
    return Tls(*(folder / name for name in FILES.values()))


def _shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """A handshake in memory; the server's side of it. Raises what either side refuses with."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(to_client, to_server, server_hostname=name)
    answerer = server.wrap_bio(to_server, to_client, server_side=True)
    done = set()
    for _ in range(10):
        for side in (caller, answerer):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    assert done == {caller, answerer}
    return answerer


def test_every_service_and_server_proves_its_name_to_all_and_only_with_its_own(folder: Path) -> None:
    names = {**{each: each for each in SERVICES}, "postgres": "db.example", "rabbitmq": "mq.example"}
    for owner, name in names.items():
        server = _of(folder / owner).server(asks=False)
        for place in ("gateway", "setup/intake", "setup/admin"):
            caller = Tls(folder / place / FILES["ca"]).client()
            assert _shake(server, caller, name).version() == "TLSv1.3"
            for other in {*names.values()} - {name}:
                with pytest.raises(ssl.SSLCertVerificationError, match="ostname"):
                    _shake(server, caller, other)


def test_only_the_gateways_certificate_is_taken_from_a_caller(folder: Path) -> None:
    intake = _of(folder / "intake").server(asks=True)
    shown = _shake(intake, _of(folder / "gateway").client(shows=True), "intake").getpeercert()
    assert names_in(shown or {}) == {"gateway", "vermoeden-gateway"}
    for owner in ("casework", "postgres", "mail"):
        with pytest.raises(ssl.SSLError, match=r"unsuitable certificate purpose|certificate verify failed"):
            _shake(intake, _of(folder / owner).client(shows=True), "intake")
    with pytest.raises(ssl.SSLError, match="did not return a certificate"):
        _shake(intake, _of(folder / "gateway").client(), "intake")


def test_an_older_tls_than_1_2_is_refused_by_both_sides(folder: Path) -> None:
    tls = _of(folder / "gateway")
    old = tls.client()
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=r"version|protocol"):
        _shake(tls.server(asks=False), old, "gateway")
    assert tls.client().minimum_version >= ssl.TLSVersion.TLSv1_2


def test_the_key_that_signs_lies_apart_and_only_its_owner_reads_a_key(folder: Path) -> None:
    signing = (folder / "authority/ca.key").read_text()
    assert [file for file in folder.rglob("*") if file.is_file() and file.read_text() == signing] == [
        folder / "authority/ca.key"
    ]
    for file in (*folder.rglob("*.key"), *folder.rglob("*.crt")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    keys = [(folder / owner / FILES["key"]).read_text() for owner in OWNERS]
    assert len(set(keys)) == len(OWNERS)
    assert not list((folder / "setup").rglob("*.key"))


def test_a_certificate_is_of_its_authority_for_about_a_year_and_never_longer() -> None:
    start = datetime(2026, 11, 30, 12, tzinfo=UTC)
    authority = make_authority(at=start)
    signer = x509.load_pem_x509_certificate(authority.certificate.encode())
    for at, days in ((start, 397), (start + timedelta(days=1700), 125)):
        pair = make_certificate(authority, ("intake", "127.0.0.1"), at=at)
        made = x509.load_pem_x509_certificate(pair.certificate.encode())
        made.verify_directly_issued_by(signer)
        assert (made.not_valid_after_utc - at).days == days
        assert made.not_valid_before_utc < at
        assert names_of(pair.certificate) == ("intake", "127.0.0.1")
        uses = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(uses) == [ExtendedKeyUsageOID.SERVER_AUTH]
        assert "PRIVATE" not in repr(pair)


def test_servers_on_this_machine_need_no_certificates(tmp_path: Path) -> None:
    _make_here(tmp_path)
    assert not list(tmp_path.rglob("*.crt"))
    assert (tmp_path / "intake/vermoeden_broker_url").read_text().startswith("amqp://intake:")


def test_an_installation_in_clear_is_told_and_then_secured_with_its_passwords(tmp_path: Path) -> None:
    _make_here(tmp_path)
    before = (tmp_path / "intake/vermoeden_database_web_url").read_text()
    for file in tmp_path.rglob("*_url"):
        file.write_text(file.read_text().replace("127.0.0.1", "db.example"))
    with pytest.raises(SystemExit, match=r"VERMOEDEN_DATABASE_WEB_URL: .*sslmode=verify-full"):
        ServiceSettings.from_folder(tmp_path / "intake")
    readdress(tmp_path, _ELSEWHERE)
    settings = ServiceSettings.from_folder(tmp_path / "intake")
    fresh = settings.database_web_url.get_secret_value()
    assert fresh == before.replace("127.0.0.1:5432", "db.example:5432") + "?sslmode=verify-full"
    assert settings.broker_url.get_secret_value().endswith("@mq.example:5671/")
    management = (tmp_path / "setup/admin/vermoeden_admin_management_url").read_text()
    assert management.startswith("https://vermoeden_admin:")
    assert settings.tls.has_certificate
    assert _make(tmp_path) == 0  # nothing is missing


def test_a_server_that_moves_gets_a_certificate_for_its_new_name_and_the_others_keep_theirs(
    folder: Path,
) -> None:
    before = {owner: (folder / owner / "tls.crt").read_text() for owner in OWNERS}
    moved = servers_at(postgres="db2.example:5432", broker="mq.example:5671", management="mq.example:15671")
    readdress(folder, moved)
    after = {owner: (folder / owner / "tls.crt").read_text() for owner in OWNERS}
    assert [owner for owner in OWNERS if before[owner] != after[owner]] == ["postgres"]
    caller = Tls(folder / "intake/ca.crt").client()
    _shake(_of(folder / "postgres").server(asks=False), caller, "db2.example")


def test_renewed_certificates_have_the_same_names_and_are_taken_without_a_restart(folder: Path) -> None:
    tls, caller = _of(folder / "intake"), Tls(folder / "gateway/ca.crt").client()
    server = tls.server(asks=False)

    def shown() -> bytes:
        before = _Seen()
        _shake(server, before.watch(Tls(folder / "gateway/ca.crt").client()), "intake")
        return before.certificate

    old = shown()
    names = names_of((folder / "intake/tls.crt").read_text())
    renew_certificates(folder)
    assert names_of((folder / "intake/tls.crt").read_text()) == names
    assert shown() == old  # not before it looked
    tls.look()
    assert shown() != old
    assert tls.trouble is None
    _shake(server, caller, "intake")


class _Seen:
    """The server's certificate, as a caller saw it."""

    certificate = b""

    def watch(self, context: ssl.SSLContext) -> ssl.SSLContext:
        seen = self

        class Watching(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                seen.certificate = self.getpeercert(binary_form=True) or b""

        context.sslobject_class = Watching
        return context


def test_the_authority_is_replaced_without_a_moment_of_mistrust(folder: Path) -> None:
    def all_trust() -> None:
        for service in SERVICES[:-1]:
            server = _of(folder / service).server(asks=True)
            _shake(server, _of(folder / "gateway").client(shows=True), service)

    old = Tls(folder / "gateway/ca.crt").client()
    with pytest.raises(SystemExit, match="next step is `announce`"):
        rotate_authority(folder, "switch")
    for step in ("announce", "switch", "finish"):
        # Some run with what they read before the step, and some with what they read after it.
        before = {each: _of(folder / each) for each in SERVICES}
        servers = {each: before[each].server(asks=True) for each in SERVICES}
        client = before["gateway"].client(shows=True)
        rotate_authority(folder, step)
        all_trust()
        assert _make(folder) == 0
        _shake(servers["intake"], _of(folder / "gateway").client(shows=True), "intake")
        _shake(_of(folder / "intake").server(asks=True), client, "intake")
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake(_of(folder / "intake").server(asks=False), old, "intake")


async def test_what_ends_soon_is_told_by_a_metric_and_what_has_ended_as_trouble(tmp_path: Path) -> None:
    authority = make_authority()
    ended = datetime.now(UTC) - timedelta(days=400)
    for at, trouble in ((None, None), (ended, "no longer valid: own")):
        pair = make_certificate(authority, ("intake",), at=at)
        for name, text in (("ca.crt", authority.certificate), ("tls.crt", pair.certificate)):
            (tmp_path / name).write_text(text)
        (tmp_path / "tls.key").write_text(pair.key)
        tls, stopping = _of(tmp_path), asyncio.Event()
        stopping.set()
        await tls.run(stopping)
        tls.look()
        assert tls.trouble == trouble
        ends = x509.load_pem_x509_certificate(pair.certificate.encode()).not_valid_after_utc
        assert CERTIFICATE_ENDS.labels("own")._value.get() == ends.timestamp()


def test_half_a_renewal_is_trouble_until_the_other_half_is_there(folder: Path) -> None:
    tls = _of(folder / "intake")
    server = tls.server(asks=False)
    own = {name: (folder / "intake" / name).read_text() for name in ("tls.crt", "tls.key")}
    renew_certificates(folder)
    fresh = (folder / "intake/tls.crt").read_text()
    for name, text in own.items():
        (folder / "intake" / name).write_text(text)
    (folder / "intake/tls.crt").write_text(fresh)
    os.utime(folder / "intake/tls.crt", ns=(1, 1))
    tls.look()
    assert tls.trouble == "a certificate cannot be used: SSLError"
    _shake(server, Tls(folder / "gateway/ca.crt").client(), "intake")  # with the old one, meanwhile
    (folder / "intake/tls.crt").write_text(own["tls.crt"])
    tls.look()
    assert tls.trouble is None
    _shake(server, Tls(folder / "gateway/ca.crt").client(), "intake")
