"""What a broker is told about its log on disk, for who starts one and for who pads it (`messaging.padding`).

More than this is pushed through every day, so with larger figures something would stay (docs/operators.md).
"""

LOG_BYTES = 64 * 1024 * 1024  # what a log may hold before it is begun anew
COMMANDS = 512  # after so many a queue lets its segments go
