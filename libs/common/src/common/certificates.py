"""An authority of the installation's own, and the certificates that it signs (X.509, RFC 5280)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 5 * 365
CERTIFICATE_DAYS = 397
_SKEW = timedelta(hours=1)  # a clock that is behind finds it valid, too


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key (P-256), both as PEM; the key is not in `repr`."""

    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Pair(…)"


def make_authority(*, at: datetime | None = None) -> Pair:
    """A fresh authority, valid for five years; it signs end certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    start = at or datetime.now(UTC)
    name = _named(f"Vermoeden {start:%Y-%m-%d}")
    builder = (
        _dated(key, name, name, start, start + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_use(signs_certificates=True), critical=True)
    )
    return _signed(builder, key, key)


def make_certificate(
    authority: Pair, names: Sequence[str], *, is_caller: bool = False, at: datetime | None = None
) -> Pair:
    """A certificate for a server that is reached by these names (host names or addresses), for 397 days.

    `is_caller`: it may be shown by one who calls, too; without it nobody takes it from a caller. It never
    outlives its authority.
    """
    signer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signing = serialization.load_pem_private_key(authority.key.encode(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)  # noqa: S101 -- `make_authority` made it
    key = ec.generate_private_key(ec.SECP256R1())
    start = at or datetime.now(UTC)
    end = min(start + timedelta(days=CERTIFICATE_DAYS), signer.not_valid_after_utc)
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if is_caller else [])]
    builder = (
        _dated(key, _named(names[0]), signer.subject, start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_use(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
    )
    return _signed(builder, key, signing)


def names_of(certificate: str) -> tuple[str, ...]:
    """The names and addresses of the first certificate in a PEM text, in its own order."""
    loaded = x509.load_pem_x509_certificate(certificate.encode())
    found = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(each.value) for each in found)


def _dated(
    key: ec.EllipticCurvePrivateKey, name: x509.Name, issuer: x509.Name, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signing: ec.EllipticCurvePrivateKey
) -> Pair:
    made = builder.sign(signing, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(made.public_bytes(serialization.Encoding.PEM).decode(), private.decode())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _use(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
