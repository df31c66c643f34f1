"""docs/asyncapi.yaml: the events as an AsyncAPI 3 document, from `common.flow` and the contracts."""

import json
from collections.abc import Mapping
from typing import Any

import yaml
from common.contracts.base import Event
from common.flow import HEARD_BY, PARTNERS
from common.messaging.envelope import CONTENT_TYPE, MAX_BYTES, encode
from common.messaging.topology import EXCHANGE, binding_key
from pydantic.json_schema import models_json_schema

from making.examples import example_of

_DESCRIPTION = f"""\
What the services of Vermoeden tell each other, over RabbitMQ (AMQP 0-9-1). Each message is a CloudEvent 1.0
in structured JSON of at most {MAX_BYTES // 1024} KiB. Delivery is at least once and in no particular order;
see docs/guarantees.md. Made by docs/generate.py; do not edit.
"""
_CLOUD_EVENT = {
    "type": "object",
    "description": "CloudEvents 1.0, with the attributes of the NL GOV profile that are used here.",
    "required": ["specversion", "id", "source", "type", "subject", "time", "municipality", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "The same in every repeat of this event."},
        "source": {"type": "string", "format": "uri", "description": "The service that speaks."},
        "type": {"type": "string", "description": "Reverse-DNS name with one version."},
        "subject": {"type": "string", "description": "The opaque id that the fact is about."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "municipality": {"type": "string", "description": "Extension attribute: whose fact this is."},
        "traceparent": {"type": "string", "description": "Extension attribute: W3C Trace Context."},
        "data": {"type": "object"},
    },
}


def asyncapi_document() -> dict[str, Any]:
    """The whole document."""
    _, definitions = models_json_schema(
        [(event, "validation") for event in HEARD_BY],
        by_alias=True,
        ref_template="#/components/schemas/{model}",
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vermoeden",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "EUPL-1.2"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "broker": {"host": "rabbitmq:5672", "protocol": "amqp", "description": "The installation's own."}
        },
        "channels": {event.name: _channel(event) for event in HEARD_BY},
        "operations": _operations(),
        "components": {
            "messages": {event.name: _message(event) for event in HEARD_BY},
            "schemas": {"CloudEvent": _CLOUD_EVENT, **definitions["$defs"]},
        },
    }


def asyncapi_text() -> str:
    """The document as YAML."""
    return yaml.dump(
        asyncapi_document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110, indent=2
    )


class _Plain(yaml.SafeDumper):
    """Writes out what appears twice: an anchor is hard to read."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 -- as declared by PyYAML
        return True


def _channel(event: type[Event]) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": event.name,
        "messages": {"event": {"$ref": f"#/components/messages/{event.name}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": "0.3.0",
            }
        },
    }
    if PARTNERS in HEARD_BY[event]:
        channel["address"] = binding_key(event, "{municipality}", "{partner}")
        channel["parameters"] = {
            "municipality": {"description": "The code of the municipality that offers."},
            "partner": {"description": "The code of the one partner that it is offered to."},
        }
    return channel


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for event, hearers in HEARD_BY.items():
        speaker = event.speaker()
        operations[f"{speaker}-speaks-{event.name}"] = _operation("send", speaker, event)
        for hearer in hearers:
            operations[f"{hearer}-hears-{event.name}"] = _operation("receive", hearer, event)
    return operations


def _operation(action: str, who: str, event: type[Event]) -> dict[str, Any]:
    channel = f"#/channels/{event.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/event"}],
        "tags": [{"name": who}],
    }


def _message(event: type[Event]) -> dict[str, Any]:
    told = {
        "source": {"const": f"urn:nld:vermoeden:{event.speaker()}"},
        "type": {"const": event.event_type()},
        "data": {"$ref": f"#/components/schemas/{event.__name__}"},
    }
    return {
        "name": event.event_type(),
        "title": event.__name__,
        "summary": summary_of(event),
        "contentType": CONTENT_TYPE,
        "payload": {
            "type": "object",
            "allOf": [{"$ref": "#/components/schemas/CloudEvent"}, {"properties": told}],
        },
        "examples": [{"payload": example_message(event)}],
    }


def summary_of(event: type[Event]) -> str:
    """What an event says, in its first sentence."""
    return (event.__doc__ or "").strip().partition("\n")[0]


def example_message(event: type[Event]) -> Mapping[str, Any]:
    """A whole message with the example of an event, always the same."""
    message: dict[str, Any] = json.loads(encode(example_of(event)).body)
    fixed = {"id": "0e0b7f6a-53bb-4e69-a8a1-1d8f1b7f2c11", "time": "2026-11-24T09:15:00Z"}
    return {name: fixed.get(name, value) for name, value in message.items()}
