"""The connections of a process: whoever holds one without using it loses it, first of all to newcomers."""

from common.connections.connection import Connection
from common.connections.guard import Guard
from common.connections.limits import Limits, Networks, Unlooked
from common.connections.listening import Listener, bound

__all__ = ["Connection", "Guard", "Limits", "Listener", "Networks", "Unlooked", "bound"]
