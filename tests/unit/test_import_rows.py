"""A file of reports is read row by row, whatever wrote it; what cannot be read is told with its fix."""

from pathlib import Path

import pytest
from gateway.importing.rows import Row, Unreadable, read_rows

EXAMPLE = Path(__file__).parents[2] / "docs/examples/reports.csv"


def rows(file: Path, encoding: str | None = None, **names: str) -> list[Row]:
    return list(read_rows(file, encoding=encoding, names=names, several=frozenset({"ramen"})))


def written(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    file = folder / "meldingen.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return file


def test_the_example_is_read() -> None:
    first, second = rows(EXAMPLE)
    assert first.body is not None
    assert first.body["answers"]["ramen"] == ["beslagen", "afgeplakt"]
    assert second.body is not None
    assert second.body["contact"] == {"mail": "boswachter@voorbeeld.example"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiter_and_byte_order_mark_are_found_out(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = f'signalType{delimiter}description\r\nhennepteelt{delimiter}"Café\r\nopen"\r\n\r\n'
    found = rows(written(tmp_path, text, encoding))
    assert [(each.number, each.body) for each in found] == [
        (1, {"signalType": "hennepteelt", "description": "Café\r\nopen"})
    ]


def test_columns_are_translated_and_unknown_ones_are_named(tmp_path: Path) -> None:
    file = written(tmp_path, "Soort,description\nhennepteelt,x\n")
    assert rows(file, Soort="signalType")[0].body == {"signalType": "hennepteelt", "description": "x"}
    with pytest.raises(Unreadable, match=r"'Soort'.*--column"):
        rows(file)


def test_an_encoding_that_is_another_is_named_with_the_fix(tmp_path: Path) -> None:
    file = written(tmp_path, "signalType,description\nx,café\n", "windows-1252")
    with pytest.raises(Unreadable, match=r"not utf-8.*--encoding windows-1252"):
        rows(file)
    assert rows(file, "windows-1252")[0].body == {"signalType": "x", "description": "café"}
    with pytest.raises(Unreadable, match="no encoding klingon"):
        rows(file, "klingon")


def test_json_lines_and_an_array_are_read_and_a_bad_one_does_not_stop_the_rest(tmp_path: Path) -> None:
    lines = rows(written(tmp_path, '{"signalType": "a"}\n\n{stuk\n[1]\n{"signalType": "b"}\n'))
    assert [(each.number, each.body) for each in lines] == [
        (1, {"signalType": "a"}),
        (3, None),
        (4, None),
        (5, {"signalType": "b"}),
    ]
    assert "not valid JSON" in lines[1].fault
    array = rows(written(tmp_path, '[{"signalType": "a"}, 7]'))
    assert [(each.number, each.body) for each in array] == [(1, {"signalType": "a"}), (2, None)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"\\ud800"', "half a character"),
        ("NaN", "no numbers in JSON"),
        ("[" * 100_000 + "]" * 100_000, "without end"),
        ("9" * 5_000, "not valid JSON"),
    ],
)
def test_what_cannot_be_sent_is_told_by_its_row_and_the_rest_goes_on(
    tmp_path: Path, value: str, said: str
) -> None:
    wrong, right = rows(written(tmp_path, f'{{"description": {value}}}\n{{"description": "x"}}\n'))
    assert (wrong.body, said in wrong.fault) == (None, True)
    assert right.body == {"description": "x"}


def test_no_column_takes_the_place_of_another(tmp_path: Path) -> None:
    file = written(tmp_path, "signalType,Soort,description\na,b,x\n")
    with pytest.raises(Unreadable, match="more than one column signalType"):
        rows(file, Soort="signalType")


@pytest.mark.parametrize("content", ["", "\n\n", "[{", '"a;b\nc', "[" * 100_000])
def test_a_file_that_is_nothing_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(Unreadable):
        rows(written(tmp_path, content))


def test_a_row_of_another_length_is_told_by_its_number(tmp_path: Path) -> None:
    found = rows(written(tmp_path, "signalType,description\nx,een, twee\ny,goed\n"))
    assert found[0].body is None
    assert "3 cells and the head 2" in found[0].fault
    assert found[1].body == {"signalType": "y", "description": "goed"}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        rows(tmp_path / "weg.csv")
