"""The front door as an import knocks at it: patient with what is busy, and at an end with what is refused."""

import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_SECONDS = 30
_MOST_TRIES = 30
_LONGEST_WAIT_SECONDS = 60.0


class DoorShut(Exception):
    """Going on makes no sense; the message says why. What was sent stays sent."""


@dataclass(frozen=True)
class Answer:
    """What the door said of one row."""

    status: int
    told: Mapping[str, Any]

    @property
    def faults(self) -> list[tuple[str, str, str]]:
        """Everything that is wrong: where (JSON Pointer), in Dutch, in English."""
        errors = self.told.get("errors") or []
        found = [(each["pointer"], each["message"], each.get("messageEn", "")) for each in errors]
        return found or [
            ("", str(self.told.get("title", f"status {self.status}")), str(self.told.get("detail", "")))
        ]


class FrontDoor:
    """One municipality's door, with an API key."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        is_ours = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if (
            parts.scheme not in {"https", "http"}
            or not parts.hostname
            or (parts.scheme == "http" and not is_ours)
        ):
            raise DoorShut("Name the front door as https://…; an API key does not travel unencrypted.")
        self._url, self._api_key = url.rstrip("/"), api_key
        self._say, self._sleep = say, sleep

    def several(self) -> frozenset[str]:
        """The questions that take several answers."""
        told = self._ask("GET", "/api/v1/signal-types", None, {}).told
        kinds = [*told["signalTypes"], {"questions": told["generalQuestions"]}]
        return frozenset(
            each["code"] for kind in kinds for each in kind["questions"] if each["kind"] == "meerkeuze"
        )

    def check(self, body: Mapping[str, Any]) -> Answer:
        """What would be refused of this report; stores nothing."""
        return self._ask("POST", "/api/v1/reports/_check", body, {})

    def send(self, body: Mapping[str, Any], idempotency_key: str) -> Answer:
        """Send this report; the same key sends it once."""
        return self._ask("POST", "/api/v1/reports", body, {"Idempotency-Key": idempotency_key})

    def _ask(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        for attempt in range(_MOST_TRIES):
            answer, wait = self._once(method, path, body, headers)
            if answer is not None and answer.status not in _BUSY:
                if answer.status in {401, 403, 404}:
                    title, detail = answer.told.get("title", "refused"), answer.told.get("detail", "")
                    fix = "; ".join(each[2] or each[1] for each in answer.faults if each[0])
                    raise DoorShut(f"{answer.status}: {title}. {detail} {fix}".strip())
                return answer
            seconds = min(wait if wait is not None else 2.0**attempt, _LONGEST_WAIT_SECONDS)
            self._say(f"the door is busy, trying again in {seconds:.0f} s")
            self._sleep(seconds)
        raise DoorShut(
            "The door stayed busy or away. Run the same command again later: it goes on from here."
        )

    def _once(
        self, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> tuple[Answer | None, float | None]:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        request = urllib.request.Request(  # noqa: S310 -- the scheme was looked at
            self._url + path,
            data=data,
            method=method,
            headers={
                "Authorization": f"Bearer {self._api_key}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                **headers,
            },
        )
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS) as answer:
                return Answer(answer.status, _object(answer.read())), None
        except urllib.error.HTTPError as error:
            return Answer(error.code, _object(error.read())), _seconds(error.headers.get("Retry-After"))
        except (OSError, http.client.HTTPException, socket.timeout):  # noqa: UP041 -- away: tried again
            return None, None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is given to the door that was named, and to no other."""

    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:  # noqa: ANN401 -- as it is there
        """Follow nothing."""
        return


def _object(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None
