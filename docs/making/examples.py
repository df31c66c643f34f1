"""An invented example of each event, made from its model, so that no field is forgotten."""

import types
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from uuid import UUID, uuid5

from common.coarse import CoarseTime
from common.sealing import encode
from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)

_NAMESPACE = UUID("5a7d9c1e-0c52-4c6a-9b0e-6f3f6a3f0f11")
_MOMENT = datetime(2026, 11, 24, 9, 15, tzinfo=UTC)
_DAY = date(2026, 11, 24)

#: What fields hold in the examples; a field that is not named gets a value that fits its type.
_VALUES: Mapping[str, object] = {
    "municipality": "waterdam",
    "signal_type": "hennepteelt",
    "signal_types": ("hennepteelt", "drugslab"),
    "choice_answers": {"waargenomen": "zelf-waargenomen", "tekenen": ("geur", "licht")},
    "neighbourhood": "Havenkwartier",
    "reporter_kind": "inwoner",
    "anonymised_text": "Bij [PERSOON-1] ruikt het naar wiet; de auto heeft kenteken [KENTEKEN-1].",
    "reporter_language": "nl",
    "language": "nl",
    "department": "oov",
    "code": "oov",
    "partners": ("politie",),
    "channel": "mail",
    "catch_all_department": "oov",
    "display_name": "Gemeente Waterdam",
    "partner": "politie",
    "ground": "Artikel 3 convenant samenwerking Waterdam (verzonnen)",
    "reason": "data-subject-request",
    "rule": "type-hennepteelt",
    "template": "received",
    "name": "Openbare orde en veiligheid",
    "kind": "rechtshandhaving",
    "mail": "meldingen@waterdam.example",
    "key_id": "waterdam-general-1",
    "reply_key_id": "waterdam-general-1",
    "group": "general",
    "reply_key_group": "general",
}
_BYTES = {  # base64url fields: how many bytes they hold
    "reporter_public_key": 32,
    "reply_public_key": 32,
    "public_key": 32,
    "lookup_id": 16,
    "nonce": 12,
    "wrapped_key": 80,
    "ciphertext": 96,
    "sealed_address": 96,
    "sealed_question": 96,
}


def example_of(model: type[Model], *, with_optional: bool = True) -> Model:
    """An example with every field, or with the required ones only; always the same."""
    fields = {
        name: _value(name, field.annotation)
        for name, field in model.model_fields.items()
        if with_optional or field.is_required()
    }
    return model.model_validate(fields)


def _value(name: str, kind: Any) -> object:  # noqa: ANN401 -- a type annotation
    if name in _BYTES:
        return encode(bytes(ord(name[place % len(name)]) for place in range(_BYTES[name])))
    if get_origin(kind) is Annotated:
        return _value(name, get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return _value(name, next(each for each in get_args(kind) if each is not type(None)))
    if get_origin(kind) is tuple:
        return _tuple(name, get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return example_of(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(name, kind)
    return _VALUES[name] if name in _VALUES else _plain(name, kind)


def _tuple(name: str, item: Any) -> object:  # noqa: ANN401 -- a type annotation
    plain = get_args(item)[0] if get_origin(item) is Annotated else item
    if plain is str:
        return _VALUES.get(name, ("oov",))
    return (_value(name.removesuffix("s"), item),)


def _enum(name: str, kind: type[Enum]) -> Enum:
    wanted = _VALUES.get(name)
    return next((each for each in kind if each.value == wanted), next(iter(kind)))


def _plain(name: str, kind: Any) -> object:  # noqa: ANN401 -- a type annotation
    by_kind: dict[Any, object] = {
        UUID: uuid5(_NAMESPACE, name),
        datetime: _MOMENT,
        CoarseTime: _MOMENT,
        date: _DAY,
        bool: False,
        int: 1,
        str: name.replace("_", "-"),
    }
    return by_kind[kind]
