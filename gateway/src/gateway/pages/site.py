"""What every page stands on: who visits, in which language, how a page or an error leaves."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from common.auth import Identity
from common.contracts.codes import Role
from common.db import is_away
from common.errors import AppError, Failed, Malformed, NotAllowed, NotFound, NotSignedIn, Unavailable
from common.log import get_logger
from common.web import MethodNotAllowed, problem_response
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.bodies import MARK
from gateway.cookies import CookieNames, cookies_in
from gateway.domain.people import Municipality
from gateway.front import Front, Visitor
from gateway.rendering import Language, NavigationItem, Renderer, Shell
from gateway.rendering.addresses import address

PageEndpoint = Callable[[Request, Visitor], Awaitable[Response]]

MAX_FORM_BYTES = 256 * 1024
_MAX_FIELDS = 400
_LANGUAGE = CookieNames.language  # the query parameter and the cookie
_YEAR_SECONDS = 365 * 24 * 60 * 60
_STAFF = frozenset({Role.HANDLER, Role.PROCESS_MANAGER})
_FIGURES = frozenset({Role.HANDLER, Role.PROCESS_MANAGER, Role.ADMINISTRATOR})
#: What stands in the navigation, and for whom; None is for everyone.
_NAVIGATION: tuple[tuple[str, frozenset[Role] | None], ...] = (
    ("report", None),
    ("mailbox", None),
    ("entry", frozenset({Role.STAFF_ENTRY})),
    ("work", _STAFF),
    ("statistics", _FIGURES),
)

log = get_logger()


class KeyAtPage(NotAllowed):
    """The pages are for people; what an API key may do, and how often, is held at the API."""

    code = "key-at-page"
    title = "An API key works at the API, not at the pages"
    fix = (
        "Een API-sleutel werkt niet op deze bladzijden. Gebruik de adressen onder /api/v1.",
        "An API key does not work at these pages. Use the addresses below /api/v1.",
    )


@dataclass(frozen=True)
class Site:
    """The ground of the pages: give `routes(site)` of each room one of these."""

    front: Front
    renderer: Renderer

    def route(self, name: str, *, get: PageEndpoint | None = None, post: PageEndpoint | None = None) -> Route:
        """The route of the address `name` (`rendering.addresses.PATHS`).

        The endpoint gets the visitor of the municipality in the address. What it raises leaves as an HTML
        page: an `AppError` with its own status, anything else as 500 (or 503 while the database is away).
        `NotSignedIn` leads a GET to the sign-in page and back. Another method is answered with 405.
        """
        return self.route_at(address(name, "{municipality}", report_id="{report_id}"), get=get, post=post)

    def route_at(
        self, path: str, *, get: PageEndpoint | None = None, post: PageEndpoint | None = None
    ) -> Route:
        """As `route`, for a path that has no name of its own; it starts with `/{municipality}`."""
        offered = {"GET": get, "HEAD": get, "POST": post}

        async def answer(request: Request) -> Response:
            visitor: Visitor | None = None
            try:
                visitor = await self.visitor(request)
                response = await _endpoint_for(request, offered)(request, visitor)
            except Exception as error:  # noqa: BLE001 - the last chance to answer a person with a page
                response = self._refusal(request, visitor, error)
            return self._with_language(request, response)

        return every_method(path, answer)

    def route_outside(self, path: str, get: Callable[[Request], Awaitable[Response]]) -> Route:
        """As `route_at`, for a page outside every municipality."""

        async def answer(request: Request) -> Response:
            try:
                refuse_change(request)
                response = await get(request)
            except Exception as error:  # noqa: BLE001 - as in `route_at`
                response = self._refusal(request, None, error)
            return self._with_language(request, response)

        return every_method(path, answer)

    async def visitor(self, request: Request) -> Visitor:
        """Who visits the municipality in the address; someone signed in elsewhere is nobody here.

        Raises `NotFound` when there is no such municipality, `KeyAtPage` for who sends what a program signs
        in with.
        """
        if "authorization" in request.headers:
            raise KeyAtPage("Send an API key to the addresses below /api/v1.")
        municipality = await self._municipality(request.path_params.get("municipality", ""))
        headers = [each for each in request.scope["headers"] if each[0] != b"municipality"]
        named = {**request.scope, "headers": [*headers, (b"municipality", municipality.code.encode())]}
        try:
            visitor = await self.front.visitor_of(named)
        except NotAllowed:
            visitor = Visitor(municipality, Identity(municipality.code))
        request.scope[MARK] = visitor.identity.mark
        return visitor

    def language(self, request: Request) -> str:
        """The visitor's choice by query or cookie; Dutch for who chose nothing."""
        kept = cookies_in(dict(request.scope["headers"]), _LANGUAGE)
        for chosen in (request.query_params.get(_LANGUAGE), *kept):
            if chosen in tuple(Language):
                return str(chosen)
        return Language.DUTCH.value

    def text(self, request: Request, key: str, /, **values: object) -> Markup:
        """One text in the visitor's language."""
        return self.renderer.text(self.language(request), key, **values)

    def shell(self, request: Request, visitor: Visitor | None) -> Shell:
        """What stands around the page.

        A page that answers a POST offers no other language: what was filled in would be lost.
        """
        languages: tuple[tuple[str, str], ...] = ()
        if request.method in {"GET", "HEAD"}:
            languages = tuple((each.value, f"?{_LANGUAGE}={each.value}") for each in Language)
        if visitor is None:
            return Shell(municipality="", language=self.language(request), language_hrefs=languages)
        session = visitor.session
        return Shell(
            municipality=visitor.municipality.display_name,
            code=visitor.municipality.code,
            language=self.language(request),
            language_hrefs=languages,
            navigation=_navigation(request, visitor),
            viewer=session.person.display_name if session else None,
            csrf=visitor.csrf_token or None,
        )

    def page(
        self,
        request: Request,
        visitor: Visitor | None,
        template: str,
        /,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **context: object,
    ) -> HTMLResponse:
        """The rendered page; never kept by a browser or proxy."""
        html = self.renderer.render(template, self.shell(request, visitor), **context)
        return HTMLResponse(html, status, headers={**(headers or {}), "Cache-Control": "no-store"})

    def redirect(self, href: str) -> RedirectResponse:
        """See other (303): the browser asks for `href` with GET. `href` is a path of our own."""
        return RedirectResponse(href, 303, headers={"Cache-Control": "no-store"})

    def href(self, visitor: Visitor, name: str, /, **parts: object) -> str:
        """The address of a page in the visitor's municipality."""
        return address(name, visitor.municipality.code, **parts)

    async def form(self, request: Request, *, max_bytes: int = MAX_FORM_BYTES) -> FormData:
        """The fields of a posted form (urlencoded, UTF-8). Raises `Malformed`, or as `Bodies.whole`."""
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            raise Malformed("Send the form as application/x-www-form-urlencoded.")
        async with self.front.bodies.whole(request.scope, request.receive, max_bytes) as body:
            try:
                pairs = parse_qsl(
                    body.decode("ascii"),
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=_MAX_FIELDS,
                )
            except ValueError as error:
                raise Malformed("The form could not be read.") from error
        return FormData([(name, value.replace("\r\n", "\n").replace("\0", "")) for name, value in pairs])

    def refuse_forgery(self, request: Request, visitor: Visitor, form: FormData) -> None:
        """Refuse a form that no page of this session sent (`CsrfMissing`)."""
        self.front.refuse_forgery(request.scope, visitor, token=str(form.get("csrf_token", "")))

    def require(self, visitor: Visitor, *roles: Role) -> None:
        """Let only a signed-in person with one of these roles in: `NotSignedIn`, else `NotAllowed`."""
        if visitor.identity.is_anonymous:
            raise NotSignedIn("Sign in first.")
        visitor.identity.require(*roles)

    def error_page(self, request: Request, visitor: Visitor | None, error: AppError) -> Response:
        """An expected outcome as a page with its status; who accepts no HTML gets problem+json."""
        if "text/html" not in request.headers.get("accept", ""):
            return problem_response(error)
        visitor = visitor or self._passer_by(request)
        return self.page(
            request,
            visitor,
            "info/error.html",
            status=error.status,
            headers=error.headers,
            key=_OWN_PAGES.get(error.code)
            or (f"s{error.status}" if error.status in _ERROR_PAGES else "other"),
            may_retry=request.method == "GET" and error.status in _PASSING,
            sign_in_href=self._sign_in_href(request, visitor) if visitor and error.status == 401 else None,
        )

    def _refusal(self, request: Request, visitor: Visitor | None, error: Exception) -> Response:
        if isinstance(error, NotSignedIn) and visitor is not None and request.method == "GET":
            return self.redirect(self._sign_in_href(request, visitor))
        if isinstance(error, AppError):
            return self.error_page(request, visitor, error)
        if is_away(error):
            return self.error_page(request, visitor, Unavailable("The database is away for a moment."))
        log.error("page.failed", error=type(error).__name__, exc_info=error)
        return self.error_page(request, visitor, Failed())

    def _sign_in_href(self, request: Request, visitor: Visitor) -> str:
        """The way to the sign-in page and from there back to this one."""
        return f"{self.href(visitor, 'sign_in')}?terug={quote(request.url.path, safe='/')}"

    def _passer_by(self, request: Request) -> Visitor | None:
        """Nobody in particular in the municipality of the address, when there is one."""
        code = request.scope["path"].removeprefix("/").partition("/")[0]
        found = self.front.directory.get(code)
        return Visitor(found, Identity(found.code)) if found else None

    async def _municipality(self, code: str) -> Municipality:
        found = self.front.directory.get(code)
        if found is None and code:
            found = await self.front.directory.named({b"municipality": code.encode("utf-8", "replace")})
        if found is None:
            raise NotFound("There is no such municipality here.")
        return found

    def _with_language(self, request: Request, response: Response) -> Response:
        chosen = request.query_params.get(_LANGUAGE)
        if request.method == "GET" and chosen in tuple(Language):
            response.set_cookie(
                _LANGUAGE,
                str(chosen),
                max_age=_YEAR_SECONDS,
                httponly=True,
                secure=self.front.settings.is_https,
                samesite="lax",
            )
        return response


_ERROR_PAGES = frozenset({400, 401, 403, 404, 405, 409, 413, 429, 500, 503, 504})
#: What has words of its own, by the code of the error.
_OWN_PAGES = {"forms-away": "forms_away", "entry-away": "entry_away"}
_PASSING = frozenset({429, 500, 503, 504})


def _endpoint_for(request: Request, offered: Mapping[str, PageEndpoint | None]) -> PageEndpoint:
    endpoint = offered.get(request.method)
    if endpoint is None:
        allowed = ", ".join(method for method, found in offered.items() if found)
        raise MethodNotAllowed(headers={"Allow": allowed})
    return endpoint


def refuse_change(request: Request) -> None:
    """Refuse every method but GET and HEAD."""
    if request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowed(headers={"Allow": "GET, HEAD"})


def every_method(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route that leaves it to the endpoint to refuse a method, so that it can do so with a page."""
    route = Route(path, endpoint)
    route.methods = set()
    return route


def _navigation(request: Request, visitor: Visitor) -> tuple[NavigationItem, ...]:
    code, here = visitor.municipality.code, request.url.path
    return tuple(
        NavigationItem(name, address(name, code), is_current=here.startswith(address(name, code)))
        for name, roles in _NAVIGATION
        if roles is None or roles & visitor.identity.roles
    )
