"""A mail that staff drops on the entry page, read into a draft in a process apart."""

from gateway.mail.apart import MailReader
from gateway.mail.draft import MAX_BYTES, Draft, Enclosed, MailRefused, draft_of_text

__all__ = ["MAX_BYTES", "Draft", "Enclosed", "MailReader", "MailRefused", "draft_of_text"]
