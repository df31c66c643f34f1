"""The settings of the reporting process."""

from common.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    """What reporting needs beyond every service: how much its exports may take."""

    export_connections: int = 8  # downloads at the same time; one person or key holds 3 of 8
    export_seconds: float = 900  # a download holds one snapshot; a slower reader is cut off
