"""docs/events.md: every event on one page, for people."""

from common.contracts.base import Event
from common.flow import HEARD_BY, SERVICES, heard_by, spoken_by
from pydantic.alias_generators import to_camel

from making.fields import fields_of, rows_of, table
from making.schemas import file_name, schema_of

_TOP = """\
# Events

*Made by `make generate` from `common.flow` and `common.contracts`; do not edit.*

Services tell each other facts over RabbitMQ's topic exchange `events`; none calls another. Each message is a
CloudEvent 1.0 in structured JSON. It arrives at least once and in no particular order: read
[guarantees.md](guarantees.md) before you write a hearer. The same in AsyncAPI 3:
[asyncapi.yaml](asyncapi.yaml). The schemas in [schemas/](schemas/) are golden: within a version an event only
gains optional fields.
"""


def events_text() -> str:
    """The page."""
    lines = [_TOP, "## Who speaks and who hears", ""]
    lines += table(("event", "spoken by", "heard by", "what it says"), [_line(event) for event in HEARD_BY])
    lines += ["", "## Per service", ""]
    lines += table(("service", "speaks", "hears"), [_service(service) for service in SERVICES])
    lines += ["", "## What each event carries", ""]
    for event in HEARD_BY:
        lines += _section(event)
    return "\n".join(lines).rstrip() + "\n"


def _line(event: type[Event]) -> tuple[str, ...]:
    said = (event.__doc__ or "").strip().partition("\n")[0]
    return (_link(event), event.speaker(), ", ".join(HEARD_BY[event]), said)


def _service(service: str) -> tuple[str, ...]:
    def names(events: tuple[type[Event], ...]) -> str:
        return ", ".join(_link(event) for event in events) or "nothing"

    return (service, names(spoken_by(service)), names(heard_by(service)))


def _link(event: type[Event]) -> str:
    anchor = event.name.replace(".", "")
    return f"[{event.name.split('.')[1]}](#{anchor})"


def _section(event: type[Event]) -> list[str]:
    schema = schema_of(event)
    rows = rows_of(schema, schema)
    about = (
        f"Type `{event.event_type()}`; its subject is the `{to_camel(event.about)}`. "
        f"Heard by {', '.join(HEARD_BY[event])}. [Schema]({file_name(event)})."
    )
    if event.outlives_erasure:
        about += " It is heard also when its subject was erased."
    lines = [f"### {event.name}", "", " ".join((event.__doc__ or "").split()), "", about]
    return [*lines, "", *table(("field", "holds", "always there"), rows), "", *_parts(schema)]


def _parts(schema: dict[str, object]) -> list[str]:
    """The objects within an event, each in one line."""
    parts: dict[str, dict[str, object]] = schema.get("$defs", {})  # type: ignore[assignment]
    lines = [
        f"- {name}: "
        + ", ".join(
            f"`{each.name}`{'' if each.is_required else ' (optional)'}" for each in fields_of(part, schema)
        )
        for name, part in parts.items()
        if part.get("type") == "object"
    ]
    return [*lines, ""] if lines else []
