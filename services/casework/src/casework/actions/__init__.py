"""What people do with reports: each action one transaction, with its line of history and its facts."""

from casework.actions.base import Worker, require_staff, worker_of
from casework.actions.correcting import correct_text
from casework.actions.erasing import erase_report, show_erasure
from casework.actions.moving import close_report, move_report, reopen_report, take_report
from casework.actions.routing import change_rules, show_rules
from casework.actions.showing import Filters, list_reports, show_history, show_report
from casework.actions.speaking import add_note, ask_reporter, open_report

__all__ = [
    "Filters",
    "Worker",
    "add_note",
    "ask_reporter",
    "change_rules",
    "close_report",
    "correct_text",
    "erase_report",
    "list_reports",
    "move_report",
    "open_report",
    "reopen_report",
    "require_staff",
    "show_erasure",
    "show_history",
    "show_report",
    "show_rules",
    "take_report",
    "worker_of",
]
