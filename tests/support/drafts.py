"""What a browser keeps of drafts, and what somebody with the whole disk can make of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from common.sealing import decode
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from playwright.async_api import Page

#: Everything in the store of drafts; bytes as base64url.
KEPT = """async () => {
    if (!(await indexedDB.databases()).some(({ name }) => name === "vermoeden")) return [];
    const database = await new Promise((resolve, reject) => {
        const request = indexedDB.open("vermoeden");
        request.onupgradeneeded = () => request.transaction.abort(); // it was deleted since we looked
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => (request.error.name === "AbortError" ? resolve(null) : reject(request.error));
    });
    if (!database) return [];
    const asked = database.transaction("drafts").objectStore("drafts").getAll();
    await new Promise((resolve) => (asked.onsuccess = resolve));
    database.close();
    const coded = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
        .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return asked.result.map((each) => Object.fromEntries(Object.entries(each).map(
        ([name, value]) => [name, ArrayBuffer.isView(value) || value instanceof ArrayBuffer
            ? coded(value.buffer ?? value) : String(value)])));
}"""
_KEY_BYTES = 32


@dataclass(frozen=True)
class Kept:
    """A draft as it lies in the browser: all of it, and so what a thief of the disk has."""

    id: str
    address: str
    mine: bytes
    iv: bytes
    sealed: bytes
    names: frozenset[str]  # of all that is stored with it

    def opened(self, half: bytes) -> bytes | None:
        """The text, with this as the other half; None when it is not."""
        return self._with(self._derived(self.mine + half))

    def opened_by_any(self, candidates: Iterable[bytes]) -> bytes | None:
        """The text, when one of these is its key, the other half, or what the key comes from."""
        for each in candidates:
            for key in (each, self._derived(self.mine + each), self._derived(each)):
                if found := self._with(key):
                    return found
        return None

    def _derived(self, material: bytes) -> bytes:
        return HKDF(hashes.SHA256(), _KEY_BYTES, decode(self.id), b"vermoeden/draft/v2").derive(material)

    def _with(self, key: bytes) -> bytes | None:
        try:
            return AESGCM(key).decrypt(self.iv, self.sealed, self.address.encode())
        except InvalidTag:
            return None


async def kept(page: Page) -> list[Kept]:
    """The drafts in this browser."""
    found: list[dict[str, str]] = await page.evaluate(KEPT)
    return [
        Kept(
            each["id"],
            each["address"],
            decode(each["mine"]),
            decode(each["iv"]),
            decode(each["sealed"]),
            frozenset(each),
        )
        for each in found
    ]


def windows(contents: Iterable[bytes]) -> Iterator[bytes]:
    """Every run of bytes that can be a key, once."""
    seen: set[bytes] = set()
    for content in contents:
        for at in range(len(content) - _KEY_BYTES + 1):
            window = content[at : at + _KEY_BYTES]
            if window not in seen and len(set(window)) > _KEY_BYTES // 2:  # noise, as keys are
                seen.add(window)
                yield window
