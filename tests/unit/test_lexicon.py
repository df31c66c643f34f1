"""The word lists of the anonymiser: compact, and exact all the same."""

from intake.anonymiser.lexicon import _WordTable, is_dutch_word, is_listed_word

WORDS = ("huis", "huisarts", "arts", "één", "na\u00efef", *(f"woord{number}" for number in range(500)))


def test_a_table_holds_its_words_and_nothing_like_them() -> None:
    table = _WordTable("".join(f"{word}\n" for word in WORDS).encode())
    assert all(word in table for word in WORDS)
    for other in ("", "hui", "uis", "huis\n", "een", "woord", "woord500", "HUIS", "\ud800"):
        assert other not in table


def test_words_of_both_lists_are_dutch() -> None:
    assert is_listed_word("aanhanger")
    assert is_listed_word("de")
    assert is_dutch_word("hennepgeur")
    assert not is_listed_word("pietersen")
