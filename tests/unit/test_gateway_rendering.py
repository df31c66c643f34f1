"""Texts, templates, static files and charts: what every page is made of."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from gateway.rendering import (
    Catalogue,
    MissingText,
    Renderer,
    Series,
    Shell,
    StaticFiles,
    address,
    bar_chart,
    load_catalogues,
    paths_in,
)
from intake.domain import QuestionKind
from intake.seed import load_seed
from markupsafe import Markup

PACKAGE = Path(str(files("gateway")))
#: English for what comes from intake in Dutch; and words of answers, of which Dutch needs only some.
ONE_SIDED = ("forms.", "answers.")
_USED = re.compile(r"""["']((?:[a-z]+)\.[a-z0-9_.-]+[a-z0-9_])["']""")
_STARTED = re.compile(r"""f?["']([a-z]+\.(?:[a-z0-9_-]+\.)*[a-z0-9_]*)(?:["']\s*~|\{)""")
CATALOGUES = load_catalogues()
FILES = {key.partition(".")[0] for catalogue in CATALOGUES.values() for key in catalogue.keys}


def sources() -> Iterator[Path]:
    """Every template, and every module that may name a text."""
    yield from (PACKAGE / "templates").rglob("*.html")
    yield from (PACKAGE / "pages").glob("*.py")


def named(pattern: re.Pattern[str]) -> dict[str, str]:
    """The texts that the sources name by this pattern, and where."""
    return {
        match[1]: path.name
        for path in sources()
        for match in pattern.finditer(path.read_text("utf-8"))
        if match[1].partition(".")[0] in FILES
    }


def shared_keys(catalogue: Catalogue) -> frozenset[str]:
    """The keys that every language must have."""
    return frozenset(key for key in catalogue.keys if not key.startswith(ONE_SIDED))


def test_both_languages_say_the_same_things() -> None:
    dutch, english = CATALOGUES["nl"], CATALOGUES["en"]
    assert shared_keys(dutch) == shared_keys(english)
    for key in shared_keys(dutch):
        assert dutch.placeholders(key) == english.placeholders(key), key
    assert {key for key in dutch.keys if key.startswith("answers.kind.")} == {
        key for key in english.keys if key.startswith("answers.kind.")
    }


def test_every_text_that_is_named_exists() -> None:
    keys = CATALOGUES["nl"].keys
    for key, place in named(_USED).items():
        if key.endswith((".html", ".py", ".js", ".css", ".mjs")):
            continue
        known = {key, f"{key}.one", f"{key}_hint"} & keys
        assert known or any(each.startswith(f"{key}.") for each in keys), f"{key} in {place}"
    for start, place in named(_STARTED).items():
        assert any(each.startswith(start) for each in keys), f"{start}… in {place}"


def test_every_text_is_used() -> None:
    used, started = named(_USED), tuple(named(_STARTED))
    for key in shared_keys(CATALOGUES["nl"]):
        plain = re.sub(r"\.(one|other)$", "", key)
        assert {key, plain} & used.keys() or key.startswith(started), f"nobody uses {key}"


def test_all_that_intake_asks_has_english() -> None:
    seed, english = load_seed(), CATALOGUES["en"]
    wanted = {
        f"forms.out_of_scope.{code}.{part}" for code, *_ in seed.out_of_scope for part in ("name", "redirect")
    }
    wanted |= {f"forms.general.question.{each.code}" for each in seed.general_questions}
    wanted |= {f"answers.kind.{code}" for code in seed.reporter_roles}
    options = {"ja", "nee", "weet-ik-niet"}
    for kind in seed.signal_types.values():
        place = f"forms.type.{kind.code}"
        wanted |= {f"{place}.{part}" for part in ("name", "description", "tip")}
        wanted |= {f"{place}.question.{each.code}" for each in kind.questions}
        wanted |= {f"{place}.hint.{each.code}" for each in kind.questions if each.help_text}
        wanted |= {f"{place}.sign.s{number + 1}" for number in range(len(kind.indicators))}
        for role, signs in kind.indicators_by_role.items():
            wanted |= {f"{place}.sign.{role}{number + 1}" for number in range(len(signs))}
        if any(rule.explanation for rule in kind.urgency_rules):
            wanted.add(f"{place}.explanation")
    for question in (
        *seed.general_questions,
        *(q for kind in seed.signal_types.values() for q in kind.questions),
    ):
        if question.kind in {QuestionKind.CHOICE, QuestionKind.MULTI_CHOICE}:
            options |= set(question.options)
    wanted |= {f"answers.answer.{option}" for option in options}
    assert wanted <= english.keys, sorted(wanted - english.keys)


def test_a_text_escapes_itself_and_what_is_put_in() -> None:
    catalogue = Catalogue("nl", {"a.b": "Hallo <b>{name}</b>"})
    assert catalogue.text("a.b", name="<i>") == Markup("Hallo &lt;b&gt;&lt;i&gt;&lt;/b&gt;")
    assert "<i>" in catalogue.text("a.b", name=Markup("<i>"))
    with pytest.raises(MissingText):
        catalogue.text("a.c")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_template_can_be_read(language: str) -> None:
    renderer = Renderer()
    templates = PACKAGE / "templates"
    for path in templates.rglob("*.html"):
        renderer._environments[language].get_template(path.relative_to(templates).as_posix())  # type: ignore[index]


def test_a_page_holds_no_style_and_no_script_of_its_own() -> None:
    for path in (PACKAGE / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text), path.name
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path.name
        assert not re.search(r"""(?:src|href)=["']https?:""", text), path.name
        assert "| safe" not in text, path.name


def test_the_frame_says_language_and_municipality() -> None:
    shell = Shell(municipality="Gemeente Veldstad", code="veldstad", language="en")
    page = Renderer().render("info/privacy.html", shell)
    assert '<html lang="en"' in page
    assert "Gemeente Veldstad" in page
    assert 'href="/veldstad/toegankelijkheid"' in page


def test_addresses_are_filled_in() -> None:
    assert address("case", "veldstad", report_id="x") == "/veldstad/werklijst/x"
    assert paths_in("veldstad")["report"] == "/veldstad/melden"
    with pytest.raises(KeyError):
        address("nothing", "veldstad")


def test_a_change_in_one_static_file_is_a_new_address_for_all() -> None:
    before, after = StaticFiles({"a.css": b"a", "b.js": b"b"}), StaticFiles({"a.css": b"a", "b.js": b"c"})
    assert before.url("a.css") != after.url("a.css")
    with pytest.raises(KeyError):
        before.url("c.css")
    assert before.find(before.digest, "../a.css") is None
    assert StaticFiles({"a.js": b"x" * 2000}).find("", "a.js") is not None


def test_every_style_and_script_that_a_style_sheet_names_is_there() -> None:
    static = StaticFiles.packaged()
    for path in (PACKAGE / "static" / "css").glob("*.css"):
        for named_file in re.findall(r'url\("\.\./([^"]+)"\)', path.read_text("utf-8")):
            assert named_file in static.paths, named_file


def test_a_bar_is_as_high_as_its_number() -> None:
    chart = bar_chart(
        [Series("one", "Ontvangen")], [("jan", "2026", [50]), ("feb", "2026", [100]), ("mrt", "2026", [0])]
    )
    heights = [group.bars[0].height for group in chart.groups]
    assert heights[1] == pytest.approx(2 * heights[0])
    assert heights[2] == 0
    assert chart.ticks[-1].value >= 100
    assert bar_chart([Series("one", "x")], []).groups == ()
