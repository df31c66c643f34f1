"""The installation's own authority in the folder of secrets: who gets a certificate, and renewing them.

authority/       the private key that signs, which no service and no job but `common.provisioning` sees
<owner>/         tls.crt and tls.key of a service or server, and ca.crt: whom it trusts
setup/…/ca.crt   whom migrating and provisioning trust
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from common.certificates import CERTIFICATE_DAYS, Pair, make_authority, make_certificate, names_of
from common.flow import SERVICES
from common.secret_files import read, replace, write
from common.tls import FILES

_CALLERS = frozenset({"gateway"})  # of which a service takes a certificate
_TRUSTING = (*SERVICES, *(f"setup/{service}" for service in SERVICES), "setup/admin")


def owner_names(
    servers: Mapping[str, tuple[str, ...]], also: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    """The names that each owner of a certificate is reached by; `also` are more names for each.

    `servers` are the names of what is not a service: postgres and rabbitmq.
    """
    services = {service: (service, f"vermoeden-{service}") for service in SERVICES}
    owners = {**services, "mail": ("mail",), **servers}
    return {owner: tuple(dict.fromkeys((*names, *also))) for owner, names in owners.items()}


def make_certificates(folder: Path, names: Mapping[str, tuple[str, ...]]) -> int:
    """Write the authority and every certificate that is not there yet; returns how many files were written.

    Safe to repeat; nothing is changed. Raises `SystemExit` when a certificate is missing and the key that
    signs was taken away.
    """
    home = folder / "authority"
    written = 0
    if not (home / "ca.crt").exists():
        made = make_authority()
        written += write(home / "ca.key", made.key)
        written += write(home / "ca.crt", made.certificate)
    trusted = read(home / "ca.crt")
    for owner, known in names.items():
        if not (folder / owner / FILES["certificate"]).exists():
            pair = make_certificate(_authority(home), known, is_caller=owner in _CALLERS)
            written += write(folder / owner / FILES["key"], pair.key)
            written += write(folder / owner / FILES["certificate"], pair.certificate)
    for place in dict.fromkeys((*_TRUSTING, *names)):
        written += write(folder / place / FILES["ca"], trusted)
    return written


def forget_misnamed(folder: Path, names: Mapping[str, tuple[str, ...]]) -> None:
    """Remove certificates that lack a name by which their owner is reached now."""
    for owner, wanted in names.items():
        file = folder / owner / FILES["certificate"]
        if file.exists() and set(wanted) - set(names_of(read(file))):
            file.unlink()
            (folder / owner / FILES["key"]).unlink(missing_ok=True)


def renew_certificates(folder: Path) -> str:
    """Give every owner a new key and certificate for the same names; returns what to do next."""
    for owner in _owners(folder):
        names = names_of(read(owner / FILES["certificate"]))
        pair = make_certificate(_authority(folder / "authority"), names, is_caller=owner.name in _CALLERS)
        replace(owner / FILES["key"], pair.key)
        replace(owner / FILES["certificate"], pair.certificate)
    return (
        f"Certificates are new for {CERTIFICATE_DAYS} days. Services take theirs within a minute;"
        " start PostgreSQL and RabbitMQ anew."
    )


def rotate_authority(folder: Path, step: str) -> str:
    """One step in replacing the authority; returns what to do next.

    announce: everyone trusts a new authority beside the old one. switch: every certificate is signed by the
    new one. finish: the old one is trusted no longer. A step out of turn changes nothing (`SystemExit`).
    """
    home = folder / "authority"
    waiting = home / "next.key"
    known = _split(read(home / "ca.crt"))
    due = "switch" if waiting.exists() else "finish" if len(known) > 1 else "announce"
    if step != due:
        raise SystemExit(f"The next step is `{due}`, not `{step}`.")
    if step == "announce":
        made = make_authority()
        write(waiting, made.key)
        _trust(folder, (*known, made.certificate))
        return "Start every service, PostgreSQL and RabbitMQ anew; when all run: `switch`."
    if step == "switch":
        waiting.replace(home / "ca.key")
        renew_certificates(folder)
        return "Start every service, PostgreSQL and RabbitMQ anew; when all run: `finish`."
    _trust(folder, known[-1:])
    return "Start every service, PostgreSQL and RabbitMQ anew; the old authority is then worthless."


def _trust(folder: Path, authorities: tuple[str, ...]) -> None:
    text = "".join(f"{each.strip()}\n" for each in authorities)
    for place in (folder / "authority", *(folder / each for each in _TRUSTING), *_owners(folder)):
        if (place / FILES["ca"]).exists():
            replace(place / FILES["ca"], text)


def _authority(home: Path) -> Pair:
    """The one that signs: the newest of those that are trusted, with its key."""
    return Pair(_split(read(home / "ca.crt"))[-1], read(home / "ca.key"))


def _owners(folder: Path) -> Iterator[Path]:
    return (file.parent for file in sorted(folder.glob(f"*/{FILES['certificate']}")))


def _split(bundle: str) -> tuple[str, ...]:
    end = "-----END CERTIFICATE-----"
    return tuple(f"{each.strip()}\n{end}\n" for each in bundle.split(end) if each.strip())
