"""What is wrong with a field that does not fit its model, and how to mend it: Dutch and English.

The value itself is never repeated: it may be personal data.
"""

from collections.abc import Mapping
from typing import Any

from common import readable
from common.errors import FieldError

#: By pydantic's own type of error; what stands between braces comes with the error.
SENTENCES: Mapping[str, tuple[str, str]] = {
    "missing": ("Vul dit in.", "Fill this in."),
    "extra_forbidden": (
        "Dit veld bestaat niet. Laat het weg, of kijk hoe het geschreven wordt.",
        "There is no such field. Leave it out, or look how it is spelled.",
    ),
    "string_type": ("Geef tekst.", "Give text."),
    "string_too_long": (
        "Gebruik hoogstens {max_length} tekens.",
        "Use at most {max_length} characters.",
    ),
    "string_too_short": (
        "Gebruik ten minste {min_length} tekens.",
        "Use at least {min_length} characters.",
    ),
    "string_pattern_mismatch": (
        "Dit heeft niet de goede vorm: {pattern}.",
        "This does not have the right form: {pattern}.",
    ),
    "enum": ("Kies een van: {expected}.", "Choose one of: {expected}."),
    "literal_error": ("Kies een van: {expected}.", "Choose one of: {expected}."),
    "int_type": ("Geef een heel getal.", "Give a whole number."),
    "int_parsing": ("Geef een heel getal.", "Give a whole number."),
    "int_parsing_size": ("Geef een kleiner getal.", "Give a smaller number."),
    "int_from_float": ("Geef een heel getal.", "Give a whole number."),
    "float_type": ("Geef een getal.", "Give a number."),
    "float_parsing": ("Geef een getal.", "Give a number."),
    "finite_number": ("Geef een gewoon getal, niet oneindig.", "Give an ordinary number, not infinity."),
    "greater_than_equal": ("Geef een getal van ten minste {ge}.", "Give a number of at least {ge}."),
    "less_than_equal": ("Geef een getal van hoogstens {le}.", "Give a number of at most {le}."),
    "bool_type": ("Geef true of false.", "Give true or false."),
    "bool_parsing": ("Geef true of false.", "Give true or false."),
    "list_type": ("Geef een lijst.", "Give a list."),
    "dict_type": ("Geef een object met namen en waarden.", "Give an object of names and values."),
    "model_type": ("Geef een object met namen en waarden.", "Give an object of names and values."),
    "model_attributes_type": ("Geef een object met namen en waarden.", "Give an object of names and values."),
    "too_long": ("Geef er hoogstens {max_length}.", "Give at most {max_length}."),
    "too_short": ("Geef er ten minste {min_length}.", "Give at least {min_length}."),
    "uuid_type": ("Geef een UUID.", "Give a UUID."),
    "uuid_parsing": ("Geef een UUID.", "Give a UUID."),
    "date_type": ("Geef een datum als 2026-11-23.", "Give a date as 2026-11-23."),
    "date_parsing": ("Geef een datum als 2026-11-23.", "Give a date as 2026-11-23."),
    "date_from_datetime_parsing": ("Geef een datum als 2026-11-23.", "Give a date as 2026-11-23."),
    "date_from_datetime_inexact": ("Geef een datum als 2026-11-23.", "Give a date as 2026-11-23."),
    "datetime_type": (
        "Geef een tijdstip als 2026-11-23T09:15:00Z.",
        "Give a moment as 2026-11-23T09:15:00Z.",
    ),
    "datetime_parsing": (
        "Geef een tijdstip als 2026-11-23T09:15:00Z.",
        "Give a moment as 2026-11-23T09:15:00Z.",
    ),
    "datetime_from_date_parsing": (
        "Geef een tijdstip als 2026-11-23T09:15:00Z.",
        "Give a moment as 2026-11-23T09:15:00Z.",
    ),
    "timezone_aware": (
        "Zet de tijdzone erbij, als in 2026-11-23T09:15:00Z.",
        "Add the time zone, as in 2026-11-23T09:15:00Z.",
    ),
    "no-mail-address": (
        "Geef één gewoon adres, als naam@voorbeeld.nl.",
        "Give one plain address, as name@example.nl.",
    ),
    "no-such-moment": ("Geef een tijdstip van deze tijd.", "Give a moment of this age."),
    "too-many-faults": (
        "Hier klopt te veel niet om alles te noemen. Kijk in de beschrijving van de API wat hier mag staan.",
        "Too much is wrong with this to tell all of it. Look in the description of the API what may be here.",
    ),
    "too-little": ("Kies ten minste twee letters of cijfers.", "Mark at least two letters or digits."),
    "json_invalid": ("De inhoud is geen geldige JSON.", "The body is not valid JSON."),
    "string_unicode": (readable.DUTCH, readable.ENGLISH),
    readable.CODE: (readable.DUTCH, readable.ENGLISH),
}
_CODES = {"string_unicode": readable.CODE}
#: For what has no sentence of its own.
OTHER = "Deze waarde past hier niet. Kijk in de beschrijving van de API wat hier mag staan."


def field_error(item: Mapping[str, Any]) -> FieldError:
    """One error of pydantic as a field error."""
    kind = str(item["type"])
    context = item.get("ctx") or {}
    code = _CODES.get(kind, kind.replace("_", "-"))
    dutch, english = SENTENCES.get(kind, (OTHER, str(item["msg"])))
    told = {name: _told(value) for name, value in context.items()}
    return FieldError(
        _pointer(kind, item["loc"], context), code, _filled(dutch, told), _filled(english, told)
    )


def _pointer(kind: str, location: tuple[object, ...], context: Mapping[str, Any]) -> str:
    """Where it is: a JSON Pointer (RFC 6901), or the part of the request and a name."""
    place = [readable.readable(str(part)) for part in location]
    if kind == readable.CODE:
        place += context["place"]
    if kind == "json_invalid" or not place[1:]:
        return ""
    if place[0] != "body":
        return f"{place[0]}:{'/'.join(place[1:])}"
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in place[1:])


def _told(value: object) -> str:
    return str(value).replace(" or ", ", ")


def _filled(sentence: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        sentence = sentence.replace(f"{{{name}}}", value)
    return sentence
