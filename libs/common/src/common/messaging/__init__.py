"""Messaging with a delivery guarantee: outbox, relay, consumer, waiting and parked messages."""

from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.envelope import Delivery, Unreadable
from common.messaging.outbox import forget_subject, publish, publish_at
from common.messaging.relay import Relay
from common.messaging.waiting import Unprocessable, WaitingRoom

__all__ = [
    "Broker",
    "Consumer",
    "Delivery",
    "Relay",
    "Unprocessable",
    "Unreadable",
    "WaitingRoom",
    "forget_subject",
    "publish",
    "publish_at",
]
