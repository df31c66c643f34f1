"""What would be hidden of a report, told before it is sent; nothing of it is kept."""

from typing import Annotated, Any

from common.contracts.base import WireModel
from common.web import Caller, RequestModel
from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from intake.actions import Intake
from intake.admission import Admission
from intake.api.callers import InvitationCode, NetworkMark, account_of, require_reporting
from intake.domain import MAX_ANSWER, MAX_PROSE
from intake.hiding import is_doubtful, words_of

router = APIRouter()

_MOST_MARKS = 50
_LONGEST_LINE = 200
_LEAST_CHARACTERS = 2


def _markable(text: str) -> str:
    if sum(character.isalnum() for character in text) < _LEAST_CHARACTERS:
        raise PydanticCustomError("too-little", "Mark at least two letters or digits.")
    return text


_Mark = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=_LONGEST_LINE), AfterValidator(_markable)
]
#: What a reporter wants hidden besides, as it stands in the text.
Hide = Annotated[list[_Mark], Field(default_factory=list, max_length=_MOST_MARKS)]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=_LONGEST_LINE)]
_Code = Annotated[str, StringConstraints(max_length=100)]
_Prose = Annotated[str, StringConstraints(max_length=MAX_ANSWER)]


class WordsToHide(RequestModel):
    """The words of a report that is not sent yet, as the report will hold them."""

    description: Annotated[str, StringConstraints(max_length=MAX_PROSE)] = ""
    answers: Annotated[dict[_Code, _Prose], Field(default_factory=dict, max_length=60)]
    address: _Line | None = None
    neighbourhood: _Line | None = None
    hide: Hide


class HiddenSpan(WireModel):
    """What is hidden, in characters (Unicode code points) of the text as it came; `end` is not part of it."""

    start: int
    end: int
    type: str
    placeholder: str


class HiddenField(WireModel):
    """One field with what is hidden in it."""

    pointer: str
    text: str  # with the placeholders in place
    spans: list[HiddenSpan]


class HiddenWords(WireModel):
    """What a report with these words would hide."""

    fields: list[HiddenField]
    is_doubtful: bool  # something may have been missed: nobody reads it without the key
    not_found: list[int]  # which of `hide`, by place from 0, stand nowhere


@router.post("/api/v1/anonymisations", response_model=HiddenWords)
async def hide_words(
    request: Request,
    caller: Caller,
    words: WordsToHide,
    invitation_code: InvitationCode = None,
    network_mark: NetworkMark = "",
) -> dict[str, Any]:
    """Tell what would be hidden of these words. Nothing is kept; the same words always give the same.

    Who is anonymous sends the `Idempotency-Key` and `Proof-Of-Work` that the report will come with.
    """
    require_reporting(caller)
    admission: Admission = request.app.state.admission
    await admission.require(caller, invitation_code)
    intake: Intake = request.app.state.intake
    fields = words_of(words.description, words.answers, words.address, words.neighbourhood)
    told = await intake.preview(account_of(caller, network_mark), fields, words.hide)
    return {
        "fields": [
            {"pointer": pointer, "text": each.text, "spans": [span._asdict() for span in each.spans]}
            for pointer, each in told.hidden.items()
        ],
        "isDoubtful": is_doubtful(told.hidden),
        "notFound": told.in_vain,
    }
