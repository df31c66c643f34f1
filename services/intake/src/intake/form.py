"""One form for one caller: everything that its schema, its hints and its checks depend on."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from common.contracts.gateway import MunicipalityConfigured
from common.mail_address import PATTERN

from intake.domain import Circumstances, FormSet, SignalType, submission_schema
from intake.files.claims import FileLimits


@dataclass(frozen=True)
class Form:
    """A signal type as one caller may report it today."""

    forms: FormSet
    kind: SignalType
    state: MunicipalityConfigured
    limits: FileLimits
    today: date
    professional: bool
    channels: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the report."""
        around = Circumstances(
            today=self.today,
            professional=self.professional,
            neighbourhoods=[each.code for each in self.state.neighbourhoods],
            channels=self.channels,
            mail_pattern=PATTERN,
            max_files=self.limits.max_count,
        )
        return submission_schema(self.forms, self.kind, around)
