"""The settings of the reporting process."""

from common.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    """What reporting needs beyond every service: how much its exports may take."""

    export_connections: int = 4  # downloads at the same time; one more is told to come back
    export_seconds: float = 900  # a download holds one snapshot; a slower reader is cut off
