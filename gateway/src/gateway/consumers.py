"""What the gateway hears: nothing; it only speaks."""

from common.messaging.handling import Handlers

HANDLERS: Handlers = {}
