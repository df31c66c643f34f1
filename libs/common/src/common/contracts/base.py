"""What an event is: a frozen fact with a CloudEvents type, a municipality and an opaque subject."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from common.coarse import CoarseTime, coarse
from common.contracts.codes import Code

TYPE_PREFIX = "nl.vermoeden."

#: A moment in a contract: whatever finer time an older speaker gives is rounded down as it is read.
Moment = Annotated[CoarseTime, AfterValidator(coarse)]


class WireModel(BaseModel):
    """A model as it travels: camelCase in JSON, snake_case in Python, frozen.

    Unknown fields are ignored, so that an older hearer survives optional additions within a version.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        hide_input_in_errors=True,
    )


class Event(WireModel):
    """A fact that one service speaks and others hear.

    A subclass sets `name` (``<speaker>.<kebab-case>.v<n>``) and `about`, the field that holds the opaque
    subject, and may set `when`, the field that tells when it happened. Within a version only optional fields
    may be added.
    """

    name: ClassVar[str]
    about: ClassVar[str] = "report_id"
    when: ClassVar[str | None] = None
    outlives_erasure: ClassVar[bool] = False  # still heard when its subject was erased
    erases: ClassVar[bool] = False  # wins over everything that is handled with it
    says_nothing: ClassVar[bool] = False  # is heard, and leaves no row

    municipality: Code

    @classmethod
    def event_type(cls) -> str:
        """The CloudEvents `type`, for example ``nl.vermoeden.intake.report-received.v1``."""
        return TYPE_PREFIX + cls.name

    @classmethod
    def speaker(cls) -> str:
        """The one service that speaks this event."""
        return cls.name.split(".", 1)[0]

    @property
    def subject(self) -> str:
        """The opaque id that this fact is about."""
        return str(getattr(self, self.about))

    @property
    def happened_at(self) -> CoarseTime | None:
        """When it happened, as the fact itself tells; None when it does not."""
        at: CoarseTime | None = None if self.when is None else getattr(self, self.when)
        return at

    @property
    def touches(self) -> tuple[str, ...]:
        """Every subject that a hearer changes; two events that share one are never handled at once."""
        return (self.subject,)

    @property
    def routing_key(self) -> str:
        """The topic under which the broker routes it."""
        return self.name
