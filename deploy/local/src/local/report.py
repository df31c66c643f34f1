"""What a person reads after the start: where to go, who to be, and what happened to each report."""

from collections.abc import Callable, Sequence
from email.message import EmailMessage

from local.samples import Sent
from local.system import System

Say = Callable[[str], None]


def where_to_go(system: System, sent: Sequence[Sent]) -> str:
    """Addresses, accounts and receipts to try."""
    url, town = system.gateway_url, system.demo.first
    lines = [
        "",
        f"{town.display_name} (invented) is open at {url}",
        "",
        f"  report          {url}/{town.code}/melden",
        f"  mailbox         {url}/{town.code}/postvak",
        f"  sign in         {url}/{town.code}/aanmelden",
        f"  work list       {url}/{town.code}/werklijst",
        f"  figures, CSV    {url}/{town.code}/cijfers",
        "",
        "Demo accounts (login, password, and the passphrase that opens sealed content in the browser):",
        *_columns(
            [
                (person.login, person.password, person.passphrase or "-", f"{person.name}, {person.what}")
                for person in town.people
            ]
        ),
        "",
        "CSV with the demo key:",
        f"  curl -H 'Authorization: Bearer {town.api_key}' \\",
        f"    '{url}/api/v1/exports/reports.csv?purpose=demonstratie'",
    ]
    partners = system.partners.get(town.code, {}).values()
    if partners:
        lines += ["", "Queues of partners:", *_columns([(each.queue, each.amqp_url) for each in partners])]
    if sent:
        lines += ["", "Receipts to try at the mailbox:"]
        lines += _columns([(each.receipt, each.sample.kind, each.status) for each in sent if _shows(each)])
    lines += [
        "",
        f"Mails are caught in {system.mail.folder}; `.venv/bin/python -m local mail` lists them.",
        f"Logs are in {system.folder / 'log'}. Data stays; `make run ARGS=--fresh` begins anew.",
        "Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)


def what_happened(sent: Sequence[Sent], system: System) -> str:
    """One line for each sample report."""
    mailed: dict[str, int] = {}
    for message in system.mail.messages():
        mailed[message["X-Caught-For"]] = mailed.get(message["X-Caught-For"], 0) + 1
    rows = [("receipt", "signal type", "urgency", "department", "mails", "status")]
    rows += [
        (
            each.receipt,
            each.sample.kind,
            each.urgency,
            each.department,
            str(mailed.get(each.sample.mail, 0)) if each.sample.mail else "-",
            each.status,
        )
        for each in sent
    ]
    return "\n".join(["", "What happened to each sample report:", *_columns(rows), ""])


def mails(messages: Sequence[EmailMessage]) -> str:
    """The caught mails, oldest first."""
    rows = [(str(each["Date"]), str(each["X-Caught-For"]), str(each["Subject"])) for each in messages]
    return "\n".join([*_columns(rows), f"{len(messages)} mail(s)."])


def _shows(sent: Sent) -> bool:
    return sent.status != "new"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]
