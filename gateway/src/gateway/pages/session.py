"""Signing in and out by form."""

from collections.abc import Sequence

from common.contracts.codes import Role
from common.errors import TooMuch
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.actions import WrongSignIn
from gateway.front import CsrfMissing, Visitor, address_of
from gateway.pages.site import Site
from gateway.rendering import Field, Problem, problems_of
from gateway.session import is_csrf_token

_WORKERS = frozenset({Role.HANDLER, Role.PROCESS_MANAGER})
#: Where people land, by the first of these roles that they hold; who holds none reports.
_HOMES = (
    ("work", _WORKERS),
    ("entry", frozenset({Role.STAFF_ENTRY})),
    ("statistics", frozenset({Role.ADMINISTRATOR})),
    ("home", frozenset({Role.PRIVACY_OFFICER, Role.CUSTODIAN})),  # their work has no page of its own
)
_LONGEST_LOGIN = 200


def routes(site: Site) -> Sequence[BaseRoute]:
    """Sign in, sign out."""
    rooms = _Session(site)
    return [
        site.route("sign_in", get=rooms.show, post=rooms.sign_in),
        site.route("sign_out", get=rooms.show_sign_out, post=rooms.sign_out),
    ]


class _Session:
    """The endpoints."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The form; who is signed in goes on at once."""
        back = self._local(visitor, request.query_params.get("terug", ""))
        if visitor.session is not None:
            return self._site.redirect(back or self._landing(visitor))
        return self._form(request, visitor, back=back)

    async def sign_in(self, request: Request, visitor: Visitor) -> Response:
        """A session for the right login and password, and on to where the visitor wanted to be."""
        form = await self._site.form(request, max_bytes=16 * 1024)
        login, password = str(form.get("login", "")), str(form.get("password", ""))
        back = self._local(visitor, str(form.get("back", "")))
        sessions, headers = self._site.front.sessions, dict(request.scope["headers"])
        if not sessions.is_own_form(headers, str(form.get("csrf_token", ""))):
            return self._form(request, visitor, back=back, login=login, problem="stale", status=403)
        missing = tuple(
            name for name, value in (("login", login.strip()), ("password", password)) if not value
        )
        if missing:
            return self._form(request, visitor, back=back, login=login, missing=missing, status=400)
        try:
            token, session = await sessions.sign_in(
                visitor.municipality.code, login[:_LONGEST_LOGIN], password, address_of(request), headers
            )
        except (WrongSignIn, TooMuch) as error:
            key = "wrong" if isinstance(error, WrongSignIn) else "too_often"
            return self._form(
                request,
                visitor,
                back=back,
                login=login,
                problem=key,
                status=error.status,
                headers=error.headers,
            )
        await sessions.sign_out(sessions.tokens_in(headers))
        roles = {Role(role) for role in session.person.roles}
        response = self._site.redirect(back or self._home_of(visitor, roles))
        for cookie in await sessions.cookies(token, session, headers, request.url.path):
            response.headers.append("Set-Cookie", cookie)
        return response

    async def show_sign_out(self, request: Request, visitor: Visitor) -> Response:
        """Someone came by address: ask, because only a POST signs out."""
        if visitor.session is None:
            return self._site.redirect(self._site.href(visitor, "home"))
        return self._site.page(request, visitor, "session/sign_out.html")

    async def sign_out(self, request: Request, visitor: Visitor) -> Response:
        """End the session and go to signing in. Idempotent."""
        form = await self._site.form(request, max_bytes=16 * 1024)
        sessions, headers = self._site.front.sessions, dict(request.scope["headers"])
        current = await sessions.current(headers)  # of whichever municipality: its cookie would go too
        if current and not is_csrf_token(str(form.get("csrf_token", "")), current[0]):
            raise CsrfMissing("Sign out on a page of this session.")
        await sessions.sign_out(sessions.tokens_in(headers))
        response = self._site.redirect(self._site.href(visitor, "sign_in"))
        response.headers.append("Set-Cookie", sessions.no_cookie())
        return response

    def _form(
        self,
        request: Request,
        visitor: Visitor,
        *,
        back: str,
        login: str = "",
        missing: tuple[str, ...] = (),
        problem: str = "",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        fields = tuple(
            Field(
                name,
                str(self._site.text(request, f"session.{name}")),
                kind="password" if name == "password" else "text",
                value=login if name == "login" else "",
                is_required=True,
                autocomplete="username" if name == "login" else "current-password",
                error=str(self._site.text(request, f"session.{name}_missing")) if name in missing else None,
            )
            for name in ("login", "password")
        )
        problems = problems_of(fields)
        if problem:
            problems = (Problem(str(self._site.text(request, f"session.{problem}")), fields[0].id),)
        token, cookie = self._site.front.sessions.form_token(dict(request.scope["headers"]))
        return self._site.page(
            request,
            visitor,
            "session/sign_in.html",
            status=status,
            headers={**(headers or {}), **({"Set-Cookie": cookie} if cookie else {})},
            fields=fields,
            problems=problems,
            back=back,
            token=token,
        )

    def _local(self, visitor: Visitor, wanted: str) -> str:
        """The address if it is one of this municipality's pages, else nothing: no way out to another site."""
        inside = self._site.href(visitor, "home") + "/"
        is_plain = wanted.isprintable() and not any(each in wanted for each in ("\\", "//", "..", "%"))
        return wanted if wanted.startswith(inside) and is_plain else ""

    def _landing(self, visitor: Visitor) -> str:
        return self._home_of(visitor, visitor.identity.roles)

    def _home_of(self, visitor: Visitor, roles: set[Role] | frozenset[Role]) -> str:
        name = next((name for name, whose in _HOMES if roles & whose), "report")
        return self._site.href(visitor, name)
