"""What intake does: take a report, offer the forms, and forget what was erased."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from common import metrics
from common.coarse import coarse
from common.contracts.codes import Urgency
from common.contracts.gateway import MunicipalityConfigured
from common.contracts.intake import MailboxOpened, ReportCounted, ReportReceived, SealedAttachment
from common.errors import AppError, NotFound, Unavailable
from common.receipt import Mailbox, body_mac, derive_receipt, hash_of_key, mailbox_of
from common.rooms import Account
from common.sealing import Recipient, encode
from common.vouching import mailbox_pin

from intake import domain, store
from intake.anonymiser import Anonymised
from intake.attachments import Attachments, Taken, Upload, no_signal_type
from intake.domain import FormSet, SignalType
from intake.files.claims import FileLimits, limits_of
from intake.form import Form
from intake.hiding import DESCRIPTION, NEIGHBOURHOOD, Hiding, Looked, is_doubtful, words_of
from intake.offered import Offered
from intake.sealing import (
    group_of,
    recipient_of,
    require_fitting,
    seal_address,
    seal_identity,
    seal_report,
    vouch,
)
from intake.settings import OwnKey
from intake.store.attachments import ReportClaim
from intake.submission import NewReport, checked, local_day
from intake.writer import Writer, Written

_ZONE = ZoneInfo("Europe/Amsterdam")
_SURELY_FITS = 8 * 1024  # content of fewer bytes never makes an event too large


class SameKeyOtherReport(AppError):
    """The idempotency key came before, with another body."""

    status = 409
    code = "same-key-other-report"
    title = "This key was used for another report"
    fix = (
        "Met deze sleutel is al een andere melding verstuurd. Neem voor een nieuwe een andere sleutel.",
        "Another report was sent with this key. Take another key for a new one.",
    )


class UnknownMunicipality(NotFound):
    """No such municipality, or it is not configured here yet."""

    code = "unknown-municipality"
    title = "This municipality is not known here"
    fix = (
        "Deze gemeente is hier niet bekend. Kijk de code na.",
        "This municipality is not known here. Check its code.",
    )


@dataclass(frozen=True)
class Outcome:
    """What is decided of a report, as far as its reporter hears of it."""

    urgency: str
    explanation: str
    safety_tip: str


@dataclass(frozen=True)
class Sent:
    """What is told of an idempotency key."""

    is_sent: bool
    is_recent: bool  # its receipt is still told again (`domain.is_recent`)


@dataclass(frozen=True)
class Accepted:
    """What the reporter hears at once."""

    receipt: str
    outcome: Outcome


@dataclass(frozen=True)
class _Prepared:
    signal_type: SignalType
    choices: Mapping[str, str | tuple[str, ...]]
    urgency: domain.UrgencyDecision
    anonymised: Mapping[str, Anonymised]
    listed_neighbourhood: str | None = None  # a code of the municipality's own list

    @property
    def is_doubtful(self) -> bool:
        """Whether something may have been missed in any field."""
        return is_doubtful(self.anonymised)

    @property
    def neighbourhood(self) -> str | None:
        """The neighbourhood as it may travel in clear: none when somebody's data stands in it."""
        if self.listed_neighbourhood:
            return self.listed_neighbourhood
        found = self.anonymised.get(NEIGHBOURHOOD)
        return None if found is None or found.spans or found.is_doubtful else found.text

    @property
    def text_in_clear(self) -> str | None:
        """The anonymised description; None when it is doubted."""
        return None if self.is_doubtful else self.anonymised[DESCRIPTION].text

    @property
    def outcome(self) -> Outcome:
        """What its reporter hears."""
        return Outcome(self.urgency.code, self.urgency.explanation, self.signal_type.safety_tip)


@dataclass(frozen=True)
class _Made:
    """A report that is ready to be stored."""

    prepared: _Prepared
    submission: store.Submission
    events: tuple[ReportReceived, ReportCounted, MailboxOpened]
    claims: Sequence[ReportClaim]


class Municipalities:
    """Every municipality's newest state, in memory; the consumer refreshes it and so does a timer."""

    def __init__(self) -> None:
        self._states: Offered | None = None

    def replace(self, states: Offered) -> None:
        """Take over what the store knows."""
        self._states = states

    def get(self, code: str) -> tuple[MunicipalityConfigured, FormSet]:
        """State and forms; raises `UnknownMunicipality`, and `Unavailable` before the first reading.

        A process that starts while the database is away knows nothing yet: it must refuse nobody for good.
        """
        if self._states is None:
            raise Unavailable("The municipalities are not loaded yet; try again.")
        try:
            return self._states[code]
        except KeyError as error:
            raise UnknownMunicipality("Choose a municipality that uses this platform.") from error


class Intake:
    """The front of the service."""

    def __init__(
        self,
        writer: Writer,
        municipalities: Municipalities,
        notifier_public_key: bytes,
        own_key: OwnKey,
        attachments: Attachments,
        *,
        hiding: Hiding | None = None,
        file_limits: FileLimits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._writer = writer
        self._municipalities = municipalities
        self._notifier_public_key = notifier_public_key
        self._own_key = own_key
        self.attachments = attachments
        self._hiding = hiding or Hiding()
        self._file_limits = file_limits or FileLimits()
        self._clock = clock
        self._new_id = new_id

    def forms(self, municipality: str) -> FormSet:
        """What this municipality asks; raises `UnknownMunicipality`."""
        return self._municipalities.get(municipality)[1]

    def form(self, municipality: str, code: str, *, professional: bool, channels: tuple[str, ...]) -> Form:
        """The form of this type for such a caller; raises `NotFound` when it is not offered to them."""
        forms, state = self.forms(municipality), self.state(municipality)
        kind = forms.signal_types.get(code)
        if kind is None or not domain.is_offered(kind, professional=professional):
            raise NotFound("There is no such signal type for you here; see /api/v1/signal-types.")
        today = local_day(self.now)
        return Form(forms, kind, state, self.file_limits(municipality), today, professional, channels)

    @property
    def now(self) -> datetime:
        """The time by the clock of this service."""
        return self._clock()

    def state(self, municipality: str) -> MunicipalityConfigured:
        """How this municipality is configured; raises `UnknownMunicipality`."""
        return self._municipalities.get(municipality)[0]

    def file_limits(self, municipality: str) -> FileLimits:
        """What this municipality takes along with a report; raises `UnknownMunicipality`."""
        state, _ = self._municipalities.get(municipality)
        return limits_of(state, self._file_limits)

    async def take_file(self, municipality: str, upload: Upload, signal_type: Callable[[], str]) -> Taken:
        """Keep a file for a report of this signal type; raises what `Attachments.take` does, and `Malformed`.

        `signal_type` is asked when the body was read.
        """
        state, forms = self._municipalities.get(municipality)

        def recipient() -> Recipient:
            kind = forms.signal_types.get(signal_type())
            if kind is None:
                raise no_signal_type()
            return recipient_of(state, group_of(kind))

        limits = limits_of(state, self._file_limits)
        return await self.attachments.take(municipality, upload, limits, recipient)

    async def preview(self, account: Account, words: Mapping[str, str], hide: Sequence[str]) -> Looked:
        """What would be hidden of these words; nothing is kept.

        Raises `UnknownMunicipality`, and `TooManyLong` as `Hiding` does.
        """
        self._municipalities.get(account.municipality)
        return await self._hiding.looked(account, words, hide)

    async def take_report(self, account: Account, key: bytes, report: NewReport) -> Accepted:
        """Store a report durably and answer with its receipt; the same key and body give the same answer.

        Raises `Malformed` with every fault, `SameKeyOtherReport`, or `Unavailable` when nothing was stored.
        """
        made = await self._made(account, key, report)
        written = await self._writer.write(made.submission, made.events, made.claims)
        if written is Written.CONTRADICTED:
            raise SameKeyOtherReport("Use a new idempotency key for a new report.")
        if written is Written.NEW:
            metrics.REPORTS_ACCEPTED.labels(report.channel).inc()
        return Accepted(derive_receipt(key), made.prepared.outcome)

    async def was_sent(self, municipality: str, key: bytes) -> Sent:
        """Whether a report with this key was stored here before; who asks must have the key."""
        received_at = await self._writer.received_at(municipality, hash_of_key(key))
        if received_at is None:
            return Sent(is_sent=False, is_recent=False)
        return Sent(is_sent=True, is_recent=domain.is_recent(received_at, self._clock()))

    async def check_report(self, account: Account, report: NewReport) -> Outcome:
        """What `take_report` would make of it with a fresh key; stores nothing. Raises what it would."""
        return (await self._made(account, secrets.token_bytes(24), report)).prepared.outcome

    async def _made(self, account: Account, key: bytes, report: NewReport) -> _Made:
        municipality = account.municipality
        state, forms = self._municipalities.get(municipality)
        prepared, content = await self._prepare(account, state, forms, report)
        mailbox = mailbox_of(derive_receipt(key))
        now = self._clock()
        submission = store.Submission(
            municipality=municipality,
            key_hash=hash_of_key(key),
            body_mac=body_mac(key, report.canonical),
            lookup_id=mailbox.lookup_id,
            public_key=encode(mailbox.public_key),
            report_id=self._new_id(),
            reporter_handle=self._new_id(),
            received_at=coarse(now),
        )
        files = await self._files(state, report, prepared.signal_type, submission.key_hash)
        events = self._facts(state, forms.version, report, prepared, content, submission, mailbox, files, now)
        if len(content) > _SURELY_FITS:
            require_fitting(events[0])
        claims = [
            ReportClaim(municipality, each.id, submission.key_hash, submission.report_id) for each in files
        ]
        return _Made(prepared, submission, events, claims)

    async def _files(
        self, state: MunicipalityConfigured, report: NewReport, kind: SignalType, key_hash: bytes
    ) -> tuple[SealedAttachment, ...]:
        """The files of a new report; a repeat names none: its first time decided, and they may be gone."""
        town, limits = state.municipality, limits_of(state, self._file_limits)
        if not report.attachments or await self._writer.received_at(town, key_hash) is not None:
            return ()
        group = group_of(kind).value
        return await self.attachments.claimable(town, report.attachments, group, limits, key_hash)

    async def _prepare(
        self, account: Account, state: MunicipalityConfigured, forms: FormSet, report: NewReport
    ) -> tuple[_Prepared, bytes]:
        """What is decided of a report, and the content that is sealed."""
        signal_type, answers = checked(report, forms, state, self._clock())
        listed = report.neighbourhood if state.neighbourhoods else None
        written = None if listed or not report.neighbourhood else report.neighbourhood.strip()
        words = words_of(report.description, answers.prose, report.address, written)
        anonymised = await self._hiding.hidden_in(account, words, report.hide)
        prepared = _Prepared(
            signal_type,
            answers.choices,
            domain.urgency_of(signal_type, answers.choices),
            anonymised,
            listed,
        )
        content: dict[str, object] = {
            "description": report.description,
            "answers": answers.prose,
            "address": report.address,
            "hidden": [[each.start, each.end, each.placeholder] for each in anonymised[DESCRIPTION].spans],
        }
        if report.attachments:  # sealed with the text, so that nobody can put another file beside it
            content["attachments"] = [str(each.id) for each in report.attachments]
        if written != prepared.neighbourhood and not listed:
            content["neighbourhood"] = written
        content |= report.sealed_only
        return prepared, json.dumps(content, ensure_ascii=False).encode()

    def _facts(
        self,
        state: MunicipalityConfigured,
        forms_version: int,
        report: NewReport,
        prepared: _Prepared,
        content: bytes,
        submission: store.Submission,
        mailbox: Mailbox,
        files: Sequence[SealedAttachment],
        now: datetime,
    ) -> tuple[ReportReceived, ReportCounted, MailboxOpened]:
        kind, elsewhere = prepared.signal_type, report.received_elsewhere_at
        shared = {
            "municipality": state.municipality,
            "report_id": submission.report_id,
            "signal_type": kind.code,
            "is_restricted": kind.is_restricted,
            "urgency": Urgency(prepared.urgency.code),
            "neighbourhood": prepared.neighbourhood,
            "channel": report.channel,
            "reporter_kind": report.reporter_kind,
        }
        text = prepared.text_in_clear if state.text_in_clear else None
        sealed = seal_report(state, kind, submission.report_id, content)
        received = ReportReceived.model_validate(
            {
                **shared,
                "forms_version": forms_version,
                "choice_answers": prepared.choices,
                "observed_on": report.observed_on,
                "received_at": submission.received_at,
                "received_elsewhere_at": coarse(elsewhere) if elsewhere else None,
                "is_traceable": prepared.choices.get("herleidbaar") == "ja",
                "anonymised_text": text,
                "needs_review": prepared.is_doubtful,
                "sealed_content": sealed,
                "sealed_identity": seal_identity(state, submission.report_id, report),
                "attachments": [each.id for each in files],
                "sealed_attachments": files,
                "reporter_public_key": submission.public_key,
                "voucher": vouch(self._own_key, submission, mailbox, sealed),
                "reporter_handle": submission.reporter_handle,
                "reporter_language": report.language,
            }
        )
        counted = ReportCounted.model_validate({**shared, "received_on": now.astimezone(_ZONE).date()})
        return received, counted, self._opened(state, kind, submission, mailbox, report)

    def _opened(
        self,
        state: MunicipalityConfigured,
        kind: SignalType,
        submission: store.Submission,
        mailbox: Mailbox,
        report: NewReport,
    ) -> MailboxOpened:
        municipality, handle = submission.municipality, submission.reporter_handle
        return MailboxOpened(
            municipality=municipality,
            reporter_handle=handle,
            lookup_id=submission.lookup_id,
            language=report.language,
            sealed_address=seal_address(municipality, handle, report.mail, self._notifier_public_key),
            signer_pin=mailbox_pin(mailbox.pin_key, state.signers[-1].public_key, group_of(kind).value),
            verify_key=mailbox.signing.public_key,
        )
