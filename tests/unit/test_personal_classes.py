"""The classes that the anonymiser writes are those that casework takes and the pages name."""

from pathlib import Path

from common.contracts.codes import PersonalClass
from gateway.rendering import load_catalogues
from intake.anonymiser import anonymise, marked

SENTENCES = Path(__file__).parent / "anonymiser_sentences.txt"
CLASSES = frozenset(each.value for each in PersonalClass)


def test_every_class_that_the_anonymiser_writes_is_known() -> None:
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    found = {span.type for line in lines for span in anonymise(line).spans}
    assert len(found) >= 10
    assert found | {marked.OTHER} <= CLASSES


def test_every_class_has_a_name_on_the_pages() -> None:
    for catalogue in load_catalogues().values():
        assert all(catalogue.has(f"codes.personal.{each}") for each in CLASSES)
