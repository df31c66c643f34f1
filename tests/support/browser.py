"""Real pages in a real browser: Debian's Chromium, axe, and what a page must never do."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Request, async_playwright, expect

SCREENSHOTS = Path(__file__).parents[2] / ".run" / "screenshots"
WIDTHS = (320, 1280)
#: How long a page may take on a machine that does much else besides.
_PATIENCE_MS = 30_000
#: The rules of WCAG 2.2 A and AA, and axe's own best practices.
_SCROLL_WIDTH = "document.documentElement.scrollWidth"
#: Texts that lie over one another by more than a few pixels; letters of icons and charts aside.
_OVERLAPS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const lines = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const parent = node.parentElement;
        if (!node.data.trim() || parent.closest("svg, option, script, template, textarea")) continue;
        if (!parent.checkVisibility()) continue;
        let clipped = false;
        for (let each = parent; each; each = each.parentElement)
            clipped ||= getComputedStyle(each).clipPath !== "none";
        if (clipped) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const box of range.getClientRects())
            if (box.width > 1) lines.push([node.data.trim(), box, node]);
    }
    const found = [];
    for (const [at, [text, a, node]] of lines.entries())
        for (const [other, b, another] of lines.slice(at + 1))
            if (node !== another && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 4
                && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 8) found.push([text, other]);
    return found;
}"""
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """The Chromium that is on this machine; `deploy/local/install.sh test` puts it there."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "Chromium is not on this machine: run deploy/local/install.sh test"
    expect.set_options(timeout=_PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Watch:
    """What happened behind the pages of one context."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)  # every address and body

    def see(self, page: Page) -> None:
        """Keep an eye on this page."""
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._note)

    def _hear(self, kind: str, text: str) -> None:
        # Chromium also complains of each answer with an error status, which some tests ask for.
        if kind in {"error", "warning"} and "the server responded with a status of" not in text:
            self.complaints.append(text)

    def _note(self, request: Request) -> None:
        self.addresses.append(request.url)
        self.sent.append(f"{request.url}\n{request.post_data or ''}")
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.strangers.append(request.url)


@asynccontextmanager
async def visiting(browser: Browser, origin: str, **options: Any) -> AsyncIterator[tuple[Page, Watch]]:
    """A fresh visitor on a page of `origin`; fails when a page complained or asked a third party."""
    context: BrowserContext = await browser.new_context(
        base_url=origin, **{"viewport": {"width": 1280, "height": 900}, "locale": "nl-NL", **options}
    )
    watch = Watch(origin)
    context.on("page", watch.see)
    context.set_default_timeout(_PATIENCE_MS)
    try:
        yield await context.new_page(), watch
        assert not watch.complaints, watch.complaints
        assert not watch.strangers, watch.strangers
    finally:
        await context.close()


async def check_accessible(page: Page, name: str) -> None:
    """axe finds nothing, nothing sticks out and no text lies over another, at 320 and at 1280 px.

    Also nothing sticks out when letters are twice as large. Leaves a screenshot of each width.
    """
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)
        assert await page.evaluate(_SCROLL_WIDTH) <= width, f"{name} at {width} px"
        assert await page.evaluate(_OVERLAPS) == [], f"{name} at {width} px"
        found = await Axe().run(page, options={"runOnly": _TAGS, "resultTypes": ["violations"]})
        assert found.violations_count == 0, f"{name} at {width} px:\n{found.generate_report()}"

    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert await page.evaluate(_SCROLL_WIDTH) <= WIDTHS[-1], f"{name} with letters of twice the size"
    await page.evaluate("document.documentElement.style.fontSize = ''")


async def focused(page: Page) -> str:
    """The element that has the focus, as `tag#id[name]`, with its text when it has neither."""
    said: str = await page.evaluate(
        """() => { const e = document.activeElement;
        return e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + (e.name ? `[${e.name}]` : '')
            + (e.id || e.name ? '' : ` "${e.textContent.trim()}"`); }"""
    )
    return said
