"""Every metric of the platform, each with one sentence. Labels have few values."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter("vermoeden_http_requests_total", "Requests answered.", ["route", "method", "status"])
HTTP_SECONDS = Histogram(
    "vermoeden_http_request_seconds",
    "Time to answer a request.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
CONNECTIONS_CUT = Counter(
    "vermoeden_connections_cut_total",
    "Connections that were ended because they did nothing, or sent no HTTP.",
    ["why"],
)
LOG_LINES_SPARED = Counter(
    "vermoeden_log_lines_spared_total",
    "Warnings and errors that were not written, because there were very many of their kind in a minute.",
)
GAVE_WAY = Counter("vermoeden_gave_way_total", "Slow bodies that were given up for somebody else.", ["room"])
OUTBOX_SENT = Counter("vermoeden_outbox_sent_total", "Events confirmed by the broker.")
OUTBOX_FAILED = Counter("vermoeden_outbox_failed_total", "Publishes that the broker refused.")
OUTBOX_WAITING = Gauge("vermoeden_outbox_waiting", "Events not yet confirmed by the broker.")
OUTBOX_OLDEST_SECONDS = Gauge("vermoeden_outbox_oldest_seconds", "Age of the oldest unsent event.")
EVENTS_HANDLED = Counter("vermoeden_events_handled_total", "Events whose effects were committed.", ["type"])
EVENTS_REPEATED = Counter("vermoeden_events_repeated_total", "Events seen before and skipped.")
EVENTS_DEFERRED = Counter("vermoeden_events_deferred_total", "Events moved to waiting.", ["reason"])
EVENTS_REJECTED = Counter(
    "vermoeden_events_rejected_total",
    "Messages that could not be read or kept, and went to the dead letters.",
)
EVENTS_FORGED = Counter(
    "vermoeden_events_forged_total", "Messages that another than their type's speaker sent; raise an alarm."
)
KEYS_REFUSED = Counter(
    "vermoeden_keys_refused_total",
    "Keys, replies, contents and protections that nobody trusted vouches for; raise an alarm.",
    ["where"],
)
WAITING = Gauge("vermoeden_waiting", "Events waiting for another try.")
PARKED = Gauge("vermoeden_parked", "Events parked until a person decides.")
DELIVERIES = Counter("vermoeden_deliveries_total", "Outside deliveries by outcome.", ["channel", "outcome"])
NAMES_WITHHELD = Counter(
    "vermoeden_names_withheld_total",
    "Mails to reporters that name no municipality, for its name does not spell its code; raise an alarm.",
)
REPORTS_ACCEPTED = Counter("vermoeden_reports_accepted_total", "Reports durably accepted.", ["channel"])
FILES = Counter("vermoeden_files_total", "Files at the door, by what became of them.", ["outcome"])
APART_WALLS = Gauge(
    "vermoeden_apart_walls", "1 for each wall around a program that reads what strangers sent.", ["wall"]
)
WRITER_QUEUE = Gauge("vermoeden_writer_queue", "Reports waiting for the next group commit.")
TROUBLE = Gauge("vermoeden_trouble", "1 while a part of this process is not ready.", ["part"])
CERTIFICATE_ENDS = Gauge(
    "vermoeden_certificate_ends_timestamp_seconds",
    "Until when the authority that this process trusts, or its own certificate, is valid (Unix time).",
    ["certificate"],
)
