"""What keeps a flood of reports out without keeping anyone out: proof of work, and patience for forms.

Of a reporter's address only its network counts, in memory, while it is busy. Who signed in, or has a key, is
let through. Replicas share nothing of this but the secret: each counts what it sees itself (ADR 0015).
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from common.errors import FieldError, Malformed, TooMuch, Unavailable
from common.sharing import Path, widest, within_wider
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.domain.fading import Fading, Seen, SharedPace
from gateway.domain.glimpses import Lot, by_lot
from gateway.domain.pace import Pace, TooFast, address_block
from gateway.domain.proof import Crowd, NotOurs, Token, difficulty, is_solved, read_token, unreserved
from gateway.settings import GatewaySettings

HEADER = "Proof-Of-Work"
_PROOF, _FORM = "proof", "form"
_LONGEST_PROOF = 400
_ACCEPTED = frozenset({200, 201})  # a look is answered with 200
_MINUTE_SECONDS = 60
PAGE_CHARACTERS = 2_000  # of text; what intake does for a report or a look grows with it
_MARKS_LIKE_READING = 25  # sought in a text cost about as much as to read it
_MOST_MARKS = 50  # that intake takes; with more it reads nothing
_MOST_PAGES = 60  # what intake reads at most, with as many marks; nobody is charged for what it refuses
_GET_ONE = "Get a challenge at /api/v1/challenges and solve it."


class ProofNeeded(Malformed):
    """A report of somebody unknown comes with a proof of work."""

    code = "proof-of-work"
    title = "Send a proof of work with this report"


class FormTooQuick(TooMuch):
    """A form without script came back sooner than a person can fill it in."""

    code = "form-too-quick"
    title = "This form came back very quickly"
    fix = (
        "Dit formulier kwam heel snel terug. Wacht even en verstuur het opnieuw.",
        "This form came back very quickly. Wait a little and send it again.",
    )


class FormTooOld(Malformed):
    """A form was open for longer than it is valid, or is of another report."""

    code = "form-too-old"
    title = "This form was open for too long"
    fix = (
        "Dit formulier stond te lang open. Haal het opnieuw op en verstuur het dan.",
        "This form was open for too long. Get it anew and send that.",
    )


@dataclass(frozen=True)
class Challenge:
    """What a client solves: find a counter for the token and its own idempotency key."""

    token: str
    bits: int
    seconds: int  # so long it is valid


@dataclass(frozen=True)
class Asked:
    """Somebody unknown who wants a report taken in, or to see what would be hidden of it."""

    municipality: str
    address: str  # only its network is used
    key: str  # the report's idempotency key
    proof: str = ""  # ``<token>~<counter>``
    form_token: str = ""  # of a form


@dataclass(frozen=True)
class _Pay:
    """What one kind of asking is counted in."""

    crowd: Crowd  # of what was accepted; it makes the work harder
    accepted: Seen[tuple[str, bytes], None]  # a report counts once
    with_proof: "_PaceOfText"
    with_form: "_PaceOfText"
    of_report: Pace  # how often one report may be brought
    is_by_length: bool  # whether a long text wears out `of_report` sooner


class _PaceOfText:
    """Pages a second: of a municipality, shared by its networks, and of one network half of that in all."""

    def __init__(self, per_second: float, burst: float, patience_seconds: float, lot: Lot) -> None:
        self._shared = SharedPace(per_second, burst, patience_seconds, lot=lot)
        self._of_block = Pace(per_second / 2, burst / 2, patience_seconds)

    def delay_seconds(self, path: Path, now: float, pages: float) -> float:
        """How long this must wait; raises `TooFast`, and then counts nothing."""
        block = path[1]
        self._of_block.wait_seconds(block, now)
        delay = self._shared.delay_seconds(path, now, pages)
        return max(delay, self._of_block.delay_seconds(block, now, pages))

    def give_back(self, path: Path, now: float, pages: float) -> None:
        """What was counted was not used."""
        self._shared.give_back(path, now, pages)
        self._of_block.count(path[1], now, -pages)


class Admission:
    """Leave to ask intake. Its place is taken when its text is there, and it counts when intake accepted it.

    In order: `enter`, then ask intake within ``with admission:``, and tell `ends` the status of the answer.
    """

    def __init__(
        self,
        take: Callable[[float], float] = lambda _amount: 0.0,
        settle: Callable[[float, int | None], bool] = lambda _unused, status: status in _ACCEPTED,
    ) -> None:
        self._take, self._settle = take, settle
        self.is_new = False  # when it has ended: whether intake accepted it, and not before
        self._amount = 0.0
        self._status: int | None = None

    async def enter(self, characters: int, marks: int = 0) -> None:
        """Wait for a place for a text of this length; raises `TooMuch` when that takes too long.

        `marks`: how many are sought in it to be hidden.
        """
        sought = min(marks, _MOST_MARKS) / _MARKS_LIKE_READING
        self._amount = min(max(characters / PAGE_CHARACTERS * (1 + sought), 1.0), _MOST_PAGES)
        delay = self._take(self._amount)
        if delay:
            await asyncio.sleep(delay)

    def ends(self, status: int) -> None:
        """Intake answered with this status."""
        self._status = status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        # Only what reached nobody is given back: of who hung up or was refused, intake may have read it all.
        self.is_new = self._settle(self._amount if isinstance(error, Unavailable) else 0.0, self._status)


class Flood:
    """Admits reports; one per process. Tokens are signed, so that every replica knows every other's."""

    def __init__(
        self,
        settings: GatewaySettings,
        secret: bytes,
        *,
        clock: Callable[[], float] = time.time,
        lot: Lot = by_lot,
    ) -> None:
        self._settings, self._lot = settings, lot
        self._secret = HKDF(hashes.SHA256(), 32, None, b"vermoeden flood v1").derive(secret)
        self._clock = clock
        patience = settings.rate_patience_seconds
        # A proof serves its key again, so that nobody works twice for one report; not without end.
        self._reports = self._pay(Pace(settings.repeat_per_second, settings.repeat_burst, patience))
        # Looking before sending costs as much as sending, so that it has limits of its own.
        self._looks = self._pay(
            Pace(settings.preview_per_second, settings.preview_burst, patience), is_by_length=True
        )
        self._key_of_proof: Seen[bytes, bytes] = Seen()
        # Counted when they are given, so that nobody lays in challenges at the price of a quiet hour.
        self._given: Fading[tuple[str, str]] = Fading(_MINUTE_SECONDS)

    def challenge(self, municipality: str, address: str = "") -> Challenge:
        """A challenge as hard as all that this network was given and sent, and the crowd here, call for.

        Of the crowd it tells how large it was, roughly, at the last moment that was drawn (`Crowd`).
        """
        settings, now, network = self._settings, self._clock(), widest(address_block(address))
        levels = [pay.crowd.level(municipality, network, now) for pay in (self._reports, self._looks)]
        levels += [self._given.level((municipality, network), now)]
        self._given.add((municipality, network), now)
        bits = difficulty(
            settings.proof_bits, settings.proof_bits_most, max(levels), settings.proof_free_per_minute
        )
        mark = secrets.token_urlsafe(12)
        token = Token(_PROOF, municipality, int(now), bits, mark).signed(self._secret)
        return Challenge(token, bits, settings.proof_seconds)

    def admit(self, asked: Asked) -> Admission:
        """Let a report in by its proof; raises `ProofNeeded` with the fix.

        A token serves the key that it was first solved for, and that one again until it expires.
        `Admission.enter` raises `TooMuch` when one key, or this network, sends too much.
        """
        return self._by_proof(asked, self._reports)

    def admit_preview(self, asked: Asked) -> Admission:
        """Let somebody see what this report would hide; the proof is the one for sending it. As `admit`."""
        return self._by_proof(asked, self._looks)

    def form_token(self, municipality: str, key: str, kept: str = "") -> str:
        """What the form of this report carries to show since when it is open: what it has, or a new one."""
        opened_at = int(self._clock())
        with suppress(NotOurs):
            token = read_token(kept, self._secret, purpose=_FORM, municipality=municipality)
            if token.mark == self._mark(key):
                opened_at = token.issued_at
        return Token(_FORM, municipality, opened_at, mark=self._mark(key)).signed(self._secret)

    def admit_form(self, asked: Asked) -> Admission:
        """Let a form in: by its proof, or without script by its age.

        A form's token is of one idempotency key, of which intake takes one report: it serves once, at every
        replica, and what is refused does not spend it. Raises `FormTooQuick` or `FormTooOld`;
        `Admission.enter` raises `TooMuch` when too many forms without script come at once.
        """
        return self._by_form(asked, self._reports)

    def admit_form_preview(self, asked: Asked) -> Admission:
        """As `admit_preview`, for a form: by its proof, or without script by its age as `admit_form`."""
        return self._by_form(asked, self._looks)

    def _pay(self, of_report: Pace, *, is_by_length: bool = False) -> _Pay:
        settings, lot, patience = self._settings, self._lot, self._settings.rate_patience_seconds
        with_proof = _PaceOfText(settings.text_per_second, settings.text_burst, patience, lot)
        with_form = _PaceOfText(
            settings.form_per_second, settings.form_burst, settings.form_patience_seconds, lot
        )
        crowd = Crowd(settings.proof_free_per_minute / 2, lot=lot)
        return _Pay(crowd, Seen(), with_proof, with_form, of_report, is_by_length)

    def _by_proof(self, asked: Asked, pay: _Pay) -> Admission:
        if self._settings.proof_bits == 0:
            return Admission()
        fault = self._fault_of(asked)
        if fault:
            raise ProofNeeded(_GET_ONE, errors=[fault])
        return self._admission(asked, pay, pay.with_proof)

    def _by_form(self, asked: Asked, pay: _Pay) -> Admission:
        if self._settings.proof_bits == 0:
            return Admission()
        if self._fault_of(asked) is None:
            return self._admission(asked, pay, pay.with_proof)
        self._require_patience(asked)
        return self._admission(asked, pay, pay.with_form)

    def _admission(self, asked: Asked, pay: _Pay, pace: _PaceOfText) -> Admission:
        municipality, block = asked.municipality, address_block(asked.address)
        path = (municipality, *within_wider(block))
        report = (municipality, self._digest(asked.key))

        def take(amount: float) -> float:
            now = self._clock()
            try:
                pay.of_report.wait_seconds(report, now)
                delay = pace.delay_seconds(path, now, amount)
                cost = amount if pay.is_by_length else 1.0
                return max(delay, pay.of_report.delay_seconds(report, now, cost))
            except TooFast as error:
                after = str(int(error.retry_after_seconds) + 1)
                raise TooMuch(
                    "Too many come in at once; wait a moment.", headers={"Retry-After": after}
                ) from error

        def settle(unused: float, status: int | None) -> bool:
            now = self._clock()
            if unused:
                pace.give_back(path, now, unused)
            is_new = status in _ACCEPTED and pay.accepted.add(report, None)
            if is_new:
                pay.crowd.note(municipality, widest(block), now)
            return is_new

        return Admission(take, settle)

    def _require_patience(self, asked: Asked) -> None:
        try:
            token = read_token(asked.form_token, self._secret, purpose=_FORM, municipality=asked.municipality)
        except NotOurs as error:
            raise FormTooOld from error
        age = self._clock() - token.issued_at
        if age > self._settings.form_seconds_most or token.mark != self._mark(asked.key):
            raise FormTooOld
        if age < self._settings.form_seconds_least:
            raise FormTooQuick(headers={"Retry-After": str(self._settings.form_seconds_least)})

    def _fault_of(self, asked: Asked) -> FieldError | None:
        text, _, counter = asked.proof.partition("~")
        is_number = counter.isascii() and counter.isdecimal()
        if not text or len(asked.proof) > _LONGEST_PROOF or not is_number:
            return _wrong("missing", "Stuur een oplossing mee als «token~teller».", "Send «token~counter».")
        try:
            token = read_token(text, self._secret, purpose=_PROOF, municipality=asked.municipality)
        except NotOurs:
            return _wrong(
                "not-ours",
                "Haal een opgave op voor deze gemeente.",
                "Get a challenge for this municipality.",
            )
        if self._clock() - token.issued_at > self._settings.proof_seconds:
            return _wrong(
                "expired", "Deze opgave is verlopen; haal een nieuwe.", "It expired; get a new one."
            )
        if not is_solved(text, asked.key, int(counter), token.bits):
            return _wrong(
                "not-solved",
                "De teller lost de opgave niet op voor deze Idempotency-Key.",
                "The counter does not solve it for this Idempotency-Key.",
            )
        key = self._digest(asked.key)
        if self._key_of_proof.first(self._digest(text), key) != key:
            return _wrong(
                "used", "Deze opgave diende al voor een andere Idempotency-Key.", "It served another key."
            )
        return None

    def _mark(self, key: str) -> str:
        return unreserved(self._digest(key))

    def _digest(self, text: str) -> bytes:
        """Enough of a key to tell it from others; the key itself is a secret and is not kept."""
        named = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2s(named, digest_size=16, key=self._secret).digest()


def _wrong(code: str, dutch: str, english: str) -> FieldError:
    return FieldError(f"header:{HEADER}", code, dutch, english)
