"""A page of the gateway, strict policy and all, in which a test uses the page's own modules."""

from typing import Any

from gateway.rendering.static import StaticFiles
from playwright.async_api import Page

_MODULES = ("bytes", "hpke", "sealing", "receipt-key", "vault", "vouching")


class Lab:
    """A page of the gateway, strict policy and all, with its own modules at hand."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def run(self, body: str, **given: object) -> Any:
        """What `body` returns; it sees `given`, and the modules without `-key`."""
        return await self.page.evaluate(
            f"""async ([addresses, given]) => {{
                const modules = await Promise.all(addresses.map((address) => import(address)));
                const [bytes, hpke, sealing, receipt, vault, vouching] = modules;
                const refused = async (attempt) => {{
                    try {{
                        await attempt();
                        return "opened";
                    }} catch (error) {{
                        return error.constructor.name;
                    }}
                }};
                {body}
            }}""",
            [[StaticFiles.packaged().url(f"js/{name}.js") for name in _MODULES], given],
        )
