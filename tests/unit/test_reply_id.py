"""The id of a reply of a form without script: the same for the same words of the same form, and only then."""

from uuid import UUID, uuid4

from common.receipt import derive_receipt, mailbox_of, reply_id

MAILBOX, OTHER = (mailbox_of(derive_receipt(each)) for each in (b"een" * 10, b"twee" * 10))
QUESTION = UUID(int=1)


def test_a_form_that_is_sent_again_names_the_same_reply() -> None:
    own = reply_id(MAILBOX, QUESTION, "formulier", "Elke avond.")
    assert own == reply_id(MAILBOX, QUESTION, "formulier", "Elke avond.")
    assert own.version == 4  # looks as random as one that a browser made


def test_other_words_another_form_question_or_receipt_name_another() -> None:
    named = {
        reply_id(MAILBOX, QUESTION, "formulier", "Elke avond."),
        reply_id(MAILBOX, QUESTION, "formulier", "Elke avond"),
        reply_id(MAILBOX, QUESTION, "nog een", "Elke avond."),
        reply_id(MAILBOX, QUESTION, "", "Elke avond."),
        reply_id(MAILBOX, uuid4(), "formulier", "Elke avond."),
        reply_id(OTHER, QUESTION, "formulier", "Elke avond."),
    }
    assert len(named) == 6
