"""No template lets a browser write to its user's disk what people type or choose."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

TEMPLATES = Path(str(files("gateway"))) / "templates"
_FORM = re.compile(r"<form\b(?P<tag>[^>]*)>(?P<inside>.*?)</form>", re.DOTALL)
_CONTROL = re.compile(r"<(?:input|textarea|select)\b[^\n]*")
_TYPES_WITHOUT_TEXT = re.compile(r'type="(?:hidden|checkbox|radio|file)"')
#: What a browser's password manager is for; its own password keeps the body of the POST off the disk.
_PASSWORDS = frozenset({"session/sign_in.html", "unlock"})
#: Says nothing but that somebody leaves.
_WITHOUT_WORDS = frozenset({"session/sign_out.html", "base.html"})
#: A state, a version and the number of a report. Its page holds the vault, and keeps its document itself.
_CODES_ONLY = frozenset({"work/case.html"})
_VAULT = frozenset({"case.js"})


def forms() -> Iterator[tuple[str, str, str]]:
    """Each form: its template (or its id, of the vault's), its tag, and what stands in it."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        name = path.relative_to(TEMPLATES).as_posix()
        for form in _FORM.finditer(path.read_text("utf-8")):
            tag = form["tag"]
            yield ("unlock" if 'id="unlock"' in tag else name), tag, form["inside"]


ALL = list(forms())


@pytest.mark.parametrize(
    ("name", "tag", "inside"), ALL, ids=[f"{name}-{at}" for at, (name, *_) in enumerate(ALL)]
)
def test_a_form_is_neither_remembered_nor_restored(name: str, tag: str, inside: str) -> None:
    if name not in _PASSWORDS:
        assert 'autocomplete="off"' in tag, f"{name}: a browser keeps what is typed in this form"
    if 'method="post"' in tag and name not in _WITHOUT_WORDS | _PASSWORDS:
        assert "off_disk()" in tag + inside or "act(" in tag + inside, f"{name}: its body goes to the disk"
    if 'method="post"' in tag and name not in _WITHOUT_WORDS | _CODES_ONLY:
        assert " data-in-place" in tag, f"{name}: its body stays in the history"
        assert re.search(r' action="\{\{ paths\.\w+ \}\}"', tag), f"{name}: it says not where it goes"


def test_every_page_brings_what_sends_a_form_in_place() -> None:
    assert "asset('js/in-place.js')" in (TEMPLATES / "base.html").read_text("utf-8")
    for path in sorted((TEMPLATES.parent / "static" / "js").glob("*.js")):
        script = path.read_text("utf-8")
        if path.name not in _VAULT:
            assert not re.search(r"\.submit\(", script), f"{path.name}: a form that leaves by itself"


def test_a_page_whose_form_leaves_says_what_stays_without_script() -> None:
    for path in sorted(TEMPLATES.rglob("*.html")):
        page = path.read_text("utf-8")
        if " data-in-place" in page or ('id="receipt"' in page and "{% extends" in page):
            assert "{{ without_script() }}" in page, path.name


def test_the_forms_are_all_seen() -> None:
    assert len(ALL) == sum(path.read_text("utf-8").count("<form") for path in TEMPLATES.rglob("*.html"))
    assert {"report/form.html", "report/check.html", "mailbox/ask.html", "entry/form.html"} <= {
        name for name, *_ in ALL
    }
    assert "off_disk()" in (TEMPLATES / "work" / "case.html").read_text("utf-8").partition("{% set")[0]


def test_no_field_takes_its_own_word_for_another() -> None:
    """A field's own `autocomplete` goes before the form's."""
    for path in TEMPLATES.rglob("*.html"):
        for control in _CONTROL.findall(path.read_text("utf-8")):
            given = re.search(r'autocomplete="([^"{]*)"', control)
            if given and not _TYPES_WITHOUT_TEXT.search(control):
                assert given[1] in {"off", "one-time-code", "username", "current-password"}, control


def named_in(template: str) -> set[str]:
    """The static files that a page names besides those of every page."""
    text = (TEMPLATES / template).read_text("utf-8")
    block = re.search(r"{% block scripts %}(.*?){% endblock %}", text, re.DOTALL)
    return set(re.findall(r"asset\('[^']*'\)|assets\(\)", block[1])) if block else set()


def test_no_page_leaves_a_file_in_the_cache_that_the_first_page_does_not() -> None:
    """A browser keeps static files for a year, with when: none of them may tell how far somebody came."""
    pages = [each.name for each in (TEMPLATES / "report").glob("*.html")]
    pages = [each for each in pages if each not in {"parts.html", "files.html"}]
    assert {"choose.html", "check.html", "receipt.html"} <= set(pages)
    for page in pages:
        assert named_in(f"report/{page}") == named_in("report/choose.html") == {"assets()"}, page
    assert named_in("mailbox/open.html") <= named_in("mailbox/ask.html")
    for each in (TEMPLATES / "entry").glob("*.html"):
        assert named_in(f"entry/{each.name}") <= named_in("entry/form.html"), each.name
