"""Gather the lists of given names and surnames from Faker's person providers (MIT) anew.

    python -m venv /tmp/gather && /tmp/gather/bin/pip install "faker==40.*"
    /tmp/gather/bin/python services/intake/training/anonymiser/gather_names.py

Names in Latin script of the languages spoken by people in the Netherlands, one word a line, in lower case. A word
that is Dutch stays only where the Dutch or Flemish provider has it as a name. Faker is needed for nothing else.
"""

import gzip
import importlib
import unicodedata
from pathlib import Path

LISTS = Path(__file__).parents[2] / "src/intake/anonymiser/lists"
_HOME = ("nl_NL", "nl_BE")
_LOCALES = (
    *_HOME,
    *(
        "az_AZ",
        "cs_CZ",
        "da_DK",
        "de_DE",
        "en_GB",
        "en_IN",
        "en_KE",
        "en_NG",
        "es_ES",
        "et_EE",
        "fr_DZ",
        "fr_FR",
    ),
    *(
        "ha_NG",
        "hr_HR",
        "hu_HU",
        "id_ID",
        "it_IT",
        "lt_LT",
        "lv_LV",
        "no_NO",
        "pl_PL",
        "pt_PT",
        "ro_RO",
        "sk_SK",
    ),
    *("sl_SI", "sv_SE", "tr_TR", "tw_GH", "vi_VN", "yo_NG", "zu_ZA"),
)


def names(locale: str, kind: str) -> set[str]:
    """The words of a provider's ``first_name…`` or ``last_name…`` lists."""
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    listed = (getattr(provider, each) for each in dir(provider) if each.startswith(kind))
    entries = (entry for each in listed if isinstance(each, (tuple, list, dict)) for entry in each)
    return {
        word for entry in entries for word in str(entry).replace("İ", "i").lower().split() if _is_name(word)
    }


def _is_name(word: str) -> bool:
    plain = word.replace("-", "").replace("'", "")
    return len(word) > 2 and plain.isalpha() and all("LATIN" in unicodedata.name(c, "") for c in plain)


def main() -> None:
    """Write both lists."""
    packed = LISTS.joinpath("dutch_words.txt.gz").read_bytes()
    dutch = frozenset(gzip.decompress(packed).decode().split("\n"))
    for kind, name in (("first_name", "first_names.txt"), ("last_name", "last_names.txt")):
        at_home = set().union(*(names(locale, kind) for locale in _HOME))
        all_of_them = set().union(*(names(locale, kind) for locale in _LOCALES))
        kept = sorted(word for word in all_of_them if word not in dutch or word in at_home)
        LISTS.joinpath(name).write_text("\n".join(kept) + "\n", encoding="utf-8")
        print(f"{len(kept)} in {name}")


if __name__ == "__main__":
    main()
