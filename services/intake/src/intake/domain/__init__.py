"""What intake decides: which questions a report answers, what is wrong with it, and how urgent it is."""

from intake.domain.answers import (
    MAX_ANSWER,
    MAX_NUMBER,
    Answers,
    UrgencyDecision,
    check_answers,
    day_fault,
    questions_of,
    urgency_of,
)
from intake.domain.entries import ENTERED_BY, check_received_elsewhere
from intake.domain.faults import Fault, InvalidReport
from intake.domain.forms import (
    MANY_OPTIONS,
    URGENCIES,
    YES_NO_UNKNOWN,
    FormSet,
    General,
    Question,
    QuestionKind,
    SignalType,
    UrgencyRule,
    option_label,
)
from intake.domain.places import Pin, check_place
from intake.domain.protection import lifted, lifting_faults, restricting
from intake.domain.repeats import REPEATED, is_recent
from intake.domain.reporters import Mode
from intake.domain.reports import MAX_LINE, MAX_PROSE, check_report, is_offered
from intake.domain.schema import Circumstances, submission_schema

__all__ = [
    "ENTERED_BY",
    "MANY_OPTIONS",
    "MAX_ANSWER",
    "MAX_LINE",
    "MAX_NUMBER",
    "MAX_PROSE",
    "REPEATED",
    "URGENCIES",
    "YES_NO_UNKNOWN",
    "Answers",
    "Circumstances",
    "Fault",
    "FormSet",
    "General",
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
    "check_received_elsewhere",
    "check_report",
    "day_fault",
    "is_offered",
    "is_recent",
    "lifted",
    "lifting_faults",
    "option_label",
    "questions_of",
    "restricting",
    "submission_schema",
    "urgency_of",
]
