"""The pass-through table: what exists behind the gateway, and who may ask for it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

KIB = 1024
_SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9_.~-]+"
_PLACEHOLDER = re.compile(r"\{(\w+)(:path)?\}")

HANDLER, PROCESS_MANAGER, ADMINISTRATOR = "handler", "process-manager", "administrator"
PRIVACY_OFFICER, CUSTODIAN, EXPORT = "privacy-officer", "custodian", "export"
REPORTER, STAFF_ENTRY = "reporter", "staff-entry"

_CASEWORK = frozenset({HANDLER, PROCESS_MANAGER, PRIVACY_OFFICER, CUSTODIAN})
_CONFIGURATION = frozenset({HANDLER, PROCESS_MANAGER, ADMINISTRATOR, PRIVACY_OFFICER})
_FIGURES = frozenset({HANDLER, PROCESS_MANAGER, ADMINISTRATOR, EXPORT})


@dataclass(frozen=True)
class Route:
    """One thing that a service offers through the gateway; `roles` None admits anonymous callers."""

    method: str
    pattern: str
    service: str
    roles: frozenset[str] | None
    max_bytes: int = 256 * KIB
    needs_proof: bool = False  # of work, from who is anonymous
    is_preview: bool = False  # of a report: the report's own proof, and not too often


def _offer(
    methods: str, pattern: str, service: str, roles: Iterable[str] | None, max_bytes: int = 256 * KIB
) -> tuple[Route, ...]:
    admitted = None if roles is None else frozenset(roles)
    return tuple(Route(method, pattern, service, admitted, max_bytes) for method in methods.split())


ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/v1/reports", "intake", None, 1024 * KIB, needs_proof=True),
    Route("POST", "/api/v1/anonymisations", "intake", None, 1024 * KIB, needs_proof=True, is_preview=True),
    *_offer("POST", "/api/v1/reports/_check", "intake", {REPORTER, STAFF_ENTRY}, 1024 * KIB),
    *_offer("POST", "/api/v1/attachments", "intake", None, 101 * 1024 * KIB),  # intake's own limit is lower
    *_offer("GET", "/api/v1/attachments/{id}/content", "intake", {HANDLER, PROCESS_MANAGER}),
    *_offer("GET", "/api/v1/signal-types", "intake", None),
    *_offer("GET", "/api/v1/signal-types/{rest:path}", "intake", None),
    *_offer("GET", "/api/v1/form-parts", "intake", {ADMINISTRATOR}),
    *_offer("GET POST PUT DELETE", "/api/v1/form-parts/{rest:path}", "intake", {ADMINISTRATOR}),
    *_offer("GET POST", "/api/v1/invitations", "intake", {ADMINISTRATOR}),
    *_offer("DELETE", "/api/v1/invitations/{id}", "intake", {ADMINISTRATOR}),
    *_offer("GET", "/api/v1/form-audit", "intake", {ADMINISTRATOR, PRIVACY_OFFICER}),
    *_offer("POST", "/api/v1/mailboxes/_search", "notifier", None, 16 * KIB),
    *_offer("POST", "/api/v1/mailboxes/_reply", "notifier", None),
    *_offer("GET", "/api/v1/reports", "casework", _CASEWORK),
    *_offer("GET POST PUT PATCH DELETE", "/api/v1/reports/{rest:path}", "casework", _CASEWORK),
    *_offer("GET", "/api/v1/routing-rules", "casework", _CONFIGURATION),
    *_offer("PUT", "/api/v1/routing-rules", "casework", {PROCESS_MANAGER, ADMINISTRATOR}),
    *_offer("GET", "/api/v1/results", "casework", _CONFIGURATION),
    *_offer("GET", "/api/v1/erasure-grounds", "casework", _CONFIGURATION),
    *_offer("GET", "/api/v1/statistics", "reporting", _FIGURES),
    *_offer("GET", "/api/v1/statistics/{rest:path}", "reporting", _FIGURES),
    *_offer("GET POST", "/api/v1/exports/{rest:path}", "reporting", {PROCESS_MANAGER, EXPORT}),
    *_offer("GET", "/api/v1/deliveries", "notifier", {PROCESS_MANAGER, ADMINISTRATOR}),
    *_offer("GET POST", "/api/v1/deliveries/{rest:path}", "notifier", {PROCESS_MANAGER, ADMINISTRATOR}),
)


class RouteTable:
    """Finds a route; whatever is not in the table does not exist."""

    def __init__(self, routes: Iterable[Route] = ROUTES) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Route]]] = []
        by_pattern: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_pattern.setdefault(route.pattern, {})[route.method] = route
        for pattern, methods in by_pattern.items():
            if "{" in pattern:
                self._patterns.append((_compile(pattern), methods))
            else:
                self._exact[pattern] = methods

    def methods_of(self, path: str) -> Mapping[str, Route]:
        """The routes of a path by method; empty when there is no such path.

        A path with anything but unreserved characters (RFC 3986, 2.3), with an empty or a dot segment, or
        with a trailing slash matches nothing, so that no service can read it as another path.
        """
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        for pattern, methods in self._patterns:
            if pattern.fullmatch(path):
                return methods
        return {}


def _compile(pattern: str) -> re.Pattern[str]:
    def one(match: re.Match[str]) -> str:
        return f"{_SEGMENT}(?:/{_SEGMENT})*" if match[2] else _SEGMENT

    return re.compile(_PLACEHOLDER.sub(one, pattern))
