"""What keeps a flood of reports out without keeping anyone out: proof of work, and patience for forms.

Nothing about a reporter's address is needed or kept. Who signed in, or has an API key, is let through.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import FieldError, Malformed, TooMuch
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.domain.pace import Pace, TooFast
from gateway.domain.proof import Crowd, NotOurs, Token, difficulty, is_solved, read_token
from gateway.settings import GatewaySettings

HEADER = "Proof-Of-Work"
_PROOF, _FORM = "proof", "form"
_LONGEST_PROOF = 400


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
    """A form was open for longer than it is valid."""

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


class Flood:
    """Admits reports; one per process. Tokens are signed, so that every replica knows every other's."""

    def __init__(
        self, settings: GatewaySettings, secret: bytes, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._secret = HKDF(hashes.SHA256(), 32, None, b"vermoeden flood v1").derive(secret)
        self._clock = clock
        self._crowd, self._lookers = Crowd(), Crowd()
        self._forms = Pace(
            settings.form_per_second, settings.form_burst, settings.rate_patience_seconds, max_keys=10_000
        )
        # A proof serves its key again, so that nobody works twice for one report; not without end.
        self._repeats = Pace(
            settings.repeat_per_second, settings.repeat_burst, settings.rate_patience_seconds
        )
        # Looking before sending costs as much as sending, so that it has limits of its own.
        self._looks = Pace(
            settings.preview_per_second, settings.preview_burst, settings.rate_patience_seconds
        )
        self._form_looks = Pace(
            settings.form_per_second, settings.form_burst, settings.rate_patience_seconds, max_keys=10_000
        )

    def challenge(self, municipality: str) -> Challenge:
        """A challenge as hard as the crowd at this municipality calls for."""
        settings, now = self._settings, self._clock()
        level = max(self._crowd.level(municipality, now), self._lookers.level(municipality, now))
        bits = difficulty(
            settings.proof_bits, settings.proof_bits_most, level, settings.proof_free_per_minute
        )
        token = Token(_PROOF, municipality, int(now), bits).signed(self._secret)
        return Challenge(token, bits, settings.proof_seconds)

    def admit(self, municipality: str, key: str, proof: str) -> float:
        """Let a report with this idempotency key in; raises `ProofNeeded` with the fix.

        `proof` is ``<token>~<counter>``. One that was solved serves the same key again until it expires.
        Returns the seconds to wait first; raises `TooMuch` when one key is sent too often.
        """
        if self._settings.proof_bits == 0:
            return 0.0
        fault = self._fault_of(municipality, key, proof)
        if fault:
            raise ProofNeeded("Get a challenge at /api/v1/challenges and solve it.", errors=[fault])
        return self._send(municipality, key, self._clock())

    def form_token(self, municipality: str, kept: str = "") -> str:
        """What a form carries to show since when it is open: the one it has, or a new one."""
        try:
            read_token(kept, self._secret, purpose=_FORM, municipality=municipality)
        except NotOurs:
            return Token(_FORM, municipality, int(self._clock())).signed(self._secret)
        return kept

    def admit_form(self, municipality: str, key: str, proof: str, form_token: str) -> float:
        """Let a form in: by its proof, or without script by its age; returns the seconds to wait first.

        Raises `FormTooQuick`, `FormTooOld`, or `TooMuch` when too many forms without script come at once.
        """
        if self._settings.proof_bits == 0:
            return 0.0
        now = self._clock()
        if self._fault_of(municipality, key, proof) is None:
            return self._send(municipality, key, now)
        self._require_patience(municipality, form_token, now)
        delay = _paced(self._forms, municipality, now)
        self._crowd.note(municipality, now)
        return delay

    def admit_preview(self, municipality: str, key: str, proof: str) -> float:
        """Let somebody see what a report with this key would hide; the proof is the one for sending it.

        Returns the seconds to wait first; raises `ProofNeeded`, or `TooMuch` when one key asks too often.
        """
        if self._settings.proof_bits == 0:
            return 0.0
        fault = self._fault_of(municipality, key, proof)
        if fault:
            raise ProofNeeded("Get a challenge at /api/v1/challenges and solve it.", errors=[fault])
        return self._look(municipality, key, self._clock())

    def admit_form_preview(self, municipality: str, key: str, proof: str, form_token: str) -> float:
        """As `admit_preview`, for a form: by its proof, or without script by its age as `admit_form`."""
        if self._settings.proof_bits == 0:
            return 0.0
        now = self._clock()
        if self._fault_of(municipality, key, proof) is None:
            return self._look(municipality, key, now)
        self._require_patience(municipality, form_token, now)
        return _paced(self._form_looks, municipality, now)

    def _send(self, municipality: str, key: str, now: float) -> float:
        delay = _paced(self._repeats, (municipality, _short(key)), now)
        self._crowd.note(municipality, now)
        return delay

    def _look(self, municipality: str, key: str, now: float) -> float:
        delay = _paced(self._looks, (municipality, _short(key)), now)
        self._lookers.note(municipality, now)
        return delay

    def _require_patience(self, municipality: str, form_token: str, now: float) -> None:
        try:
            token = read_token(form_token, self._secret, purpose=_FORM, municipality=municipality)
        except NotOurs as error:
            raise FormTooOld from error
        age = now - token.issued_at
        if age > self._settings.form_seconds_most:
            raise FormTooOld
        if age < self._settings.form_seconds_least:
            raise FormTooQuick(headers={"Retry-After": str(self._settings.form_seconds_least)})

    def _fault_of(self, municipality: str, key: str, proof: str) -> FieldError | None:
        text, _, counter = proof.partition("~")
        if not text or len(proof) > _LONGEST_PROOF or not (counter.isascii() and counter.isdecimal()):
            return _wrong("missing", "Stuur een oplossing mee als «token~teller».", "Send «token~counter».")
        try:
            token = read_token(text, self._secret, purpose=_PROOF, municipality=municipality)
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
        if not is_solved(text, key, int(counter), token.bits):
            return _wrong(
                "not-solved",
                "De teller lost de opgave niet op voor deze Idempotency-Key.",
                "The counter does not solve it for this Idempotency-Key.",
            )
        return None


def _paced(pace: Pace, key: object, now: float) -> float:
    try:
        return pace.delay_seconds(key, now)
    except TooFast as error:
        after = str(int(error.retry_after_seconds) + 1)
        raise TooMuch("Too many come in at once; wait a moment.", headers={"Retry-After": after}) from error


def _short(key: str) -> bytes:
    """Enough of a key to tell it from others; the key itself is a secret and is not kept."""
    return hashlib.blake2s(key.encode(), digest_size=16).digest()


def _wrong(code: str, dutch: str, english: str) -> FieldError:
    return FieldError(f"header:{HEADER}", code, dutch, english)
