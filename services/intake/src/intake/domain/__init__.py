"""What intake decides: which questions a report answers, what is wrong with it, and how urgent it is."""

from intake.domain.answers import (
    MAX_ANSWER,
    MAX_NUMBER,
    Answers,
    UrgencyDecision,
    check_answers,
    rounded,
    urgency_of,
)
from intake.domain.faults import Fault, InvalidReport
from intake.domain.forms import (
    URGENCIES,
    YES_NO_UNKNOWN,
    FormSet,
    Question,
    QuestionKind,
    SignalType,
    UrgencyRule,
)
from intake.domain.places import Pin, check_place
from intake.domain.reporters import Mode
from intake.domain.reports import MAX_PROSE, check_report, is_offered

__all__ = [
    "MAX_ANSWER",
    "MAX_NUMBER",
    "MAX_PROSE",
    "URGENCIES",
    "YES_NO_UNKNOWN",
    "Answers",
    "Fault",
    "FormSet",
    "InvalidReport",
    "Mode",
    "Pin",
    "Question",
    "QuestionKind",
    "SignalType",
    "UrgencyDecision",
    "UrgencyRule",
    "check_answers",
    "check_place",
    "check_report",
    "is_offered",
    "rounded",
    "urgency_of",
]
