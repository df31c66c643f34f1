"""A mail becomes a draft: its words, sender and time; what is no mail is refused with its reason."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from gateway.mail import MAX_BYTES, MailReader, MailRefused, draft_of_text
from gateway.mail.reading import read_mail
from gateway.pages.entering import Entry

SENT = "Mon, 23 Nov 2026 09:41:07 +0100"


def mail(text: str | None = "Er staan 's nachts busjes bij de loods.", **heads: str) -> EmailMessage:
    message = EmailMessage()
    given = {"From": "Teun Dijkzicht <teun@voorbeeld.example>", "Subject": "Busjes", "Date": SENT, **heads}
    for name, value in given.items():
        message[name] = value
    if text is not None:
        message.set_content(text)
    return message


def refusal(content: bytes) -> str:
    with pytest.raises(MailRefused) as caught:
        read_mail(content)
    return caught.value.reason


def test_the_words_the_sender_and_the_time_are_filled_in() -> None:
    draft = read_mail(mail().as_bytes())
    assert draft.text == "Busjes\n\nEr staan 's nachts busjes bij de loods."
    assert (draft.sender_name, draft.sender_address) == ("Teun Dijkzicht", "teun@voorbeeld.example")
    assert draft.sent_at == datetime(2026, 11, 23, 8, 41, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "older",
    [
        "Op ma 23 nov 2026 om 09:00 schreef Gemeente <info@waterdam.example>:\n> Wat zag u?",
        "> Wat zag u?\n> Groet",
        "-----Oorspronkelijk bericht-----\nVan: info@waterdam.example",
        "-- \nTeun Dijkzicht\n06-12345678",
        "On Mon, 23 Nov 2026 Gemeente wrote:\n> What?",
    ],
)
def test_older_messages_and_the_signature_are_left_out_but_not_lost(older: str) -> None:
    draft = read_mail(mail(f"Het ruikt naar gas.\n\n{older}\n").as_bytes())
    assert draft.text == "Busjes\n\nHet ruikt naar gas."
    assert draft.left_out == older


def test_a_mail_that_is_all_history_keeps_its_words() -> None:
    draft = read_mail(mail("> Alles staat in een citaat.").as_bytes())
    assert draft.text.endswith("> Alles staat in een citaat.")


def test_an_html_mail_becomes_text_without_script_or_style() -> None:
    message = mail(None)
    message.set_content(
        "<html><head><style>p{}</style><title>x</title></head><body><p>Er brandt&nbsp;licht.</p>"
        "<script>alert(1)</script><div>Elke <b>nacht</b>.<br>Bij de haven.</div></body></html>",
        subtype="html",
    )
    assert read_mail(message.as_bytes()).text == "Busjes\n\nEr brandt licht.\n\nElke nacht.\nBij de haven."


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_every_usual_character_set_is_read(charset: str) -> None:
    message = mail(None)
    message.set_content("Eén café aan de Rijnkáde", charset=charset)
    assert "Eén café aan de Rijnkáde" in read_mail(message.as_bytes()).text


def test_encoded_heads_and_an_unknown_character_set_do_no_harm() -> None:
    raw = (
        b"From: =?utf-8?q?Zo=C3=AB_Kade?= <zoe@voorbeeld.example>\r\n"
        b"Subject: =?utf-8?b?w4nDqW4gYnVzamU=?=\r\n"
        b"Date: morgenvroeg\r\nContent-Type: text/plain; charset=klingon\r\n\r\nHallo daar\x00\r\n"
    )
    draft = read_mail(raw)
    assert (draft.text, draft.sender_name, draft.sent_at) == ("Één busje\n\nHallo daar", "Zoë Kade", None)


def test_photos_and_pdf_come_along_and_pictures_in_the_text_do_not() -> None:
    message = mail()
    message.add_attachment(b"\xff\xd8\xff", maintype="image", subtype="jpeg", filename="foto.jpg")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="brief.pdf")
    message.add_attachment(b"MZ", maintype="application", subtype="x-msdownload", filename="virus.exe")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", disposition="inline")
    found = read_mail(message.as_bytes()).enclosed
    assert [(each.name, each.media_type) for each in found] == [
        ("foto.jpg", "image/jpeg"),
        ("brief.pdf", "application/pdf"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"Zomaar wat tekst", "no_mail"),
        (b"%PDF-1.7\n", "no_mail"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "no_mail"),  # an Outlook .msg
        (b"Recept: appeltaart\n\nMeel", "no_mail"),
        (b"Subject:\r\nFrom: a@b.example\r\n\r\n", "no_text"),
        (b"Subject: x\r\n" + b"X-A: b\r\n" * 40_000 + b"\r\ntekst", "too_deep"),
        (
            b"Subject: x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!stuk!!!",
            "damaged",
        ),
        (b"Subject: x\r\n\r\n" + bytes(MAX_BYTES), "too_large"),
    ],
)
def test_what_is_no_mail_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    assert refusal(content) == reason


def _nested(depth: int) -> bytes:
    heads = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
        for level in range(depth)
    )
    return b"Subject: x\r\nMIME-Version: 1.0\r\n" + heads + b"Content-Type: text/plain\r\n\r\ntekst\r\n"


def test_a_mail_within_a_mail_without_end_is_refused() -> None:
    assert refusal(_nested(5_000)) == "too_deep"
    assert "tekst" in read_mail(_nested(20)).text


@pytest.mark.parametrize(
    "head",
    [
        b"From: " + b"(" * 20_000,
        b"Subject: " + b"=?utf-8?q?" * 3_000,
        b"From: " + b'"' * 3_900,
        b"Content-Type: text/plain; " + b"a*0*=" * 3_000,
        b"Date: " + b"1" * 10_000,
        b"Content-Type: multipart/mixed; boundary=",
    ],
)
def test_a_hostile_header_takes_no_time_and_ends_well(head: bytes) -> None:
    started = time.process_time()
    with suppress(MailRefused):
        read_mail(b"Subject: echt\r\n" + head + b"\r\n\r\ntekst\r\n")
    assert time.process_time() - started < 5


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined", "zip", "rot13"])
def test_a_character_set_that_is_none_for_texts_does_no_harm(charset: str) -> None:
    raw = f"From: a@b.example\nContent-Type: text/plain; charset={charset}\n\nCaf\u00e9 de Kade\n"
    assert "Caf\u00e9 de Kade" in read_mail(raw.encode()).text


def test_a_mail_over_which_the_library_stumbles_is_damaged() -> None:
    raw = (
        b"From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n--b\n"
        b"Content-Type: multipart/related; boundary=b; start=<x>\ntekst"
    )
    assert refusal(raw) == "damaged"


def test_comments_without_end_are_no_sender() -> None:
    nested = "(" * 3_900
    for draft in (
        draft_of_text(f"Van: {nested}\n\nElke nacht."),
        draft_of_text(f"Van: {nested * 50}\n\nElke nacht."),
        read_mail(f"From: {nested}\nSubject:\n\nElke nacht.".encode()),
    ):
        assert (draft.text, draft.sender_name, draft.sender_address) == ("Elke nacht.", "", "")


@pytest.mark.parametrize(
    "date",
    ["Fri, 31 Dec 9999 23:30:00 +0000", "Sat, 1 Jan 1000 00:00:00 +0000"],
)
def test_a_moment_that_not_every_clock_has_is_left_out(date: str) -> None:
    draft = draft_of_text(f"Datum: {date}\n\nElke nacht.")
    assert draft.sent_at is None
    assert Entry("mail").at_moment(draft.sent_at) == Entry("mail")


@pytest.mark.parametrize(
    ("pasted", "text", "address"),
    [
        ("Zomaar een verhaal.", "Zomaar een verhaal.", ""),
        (
            (
                "Van: Teun <teun@voorbeeld.example>\nVerzonden: maandag\nAan: info@waterdam.example\n"
                "Onderwerp: Busjes\n\nElke nacht.\n\nVan: iemand anders\nouder"
            ),
            "Busjes\n\nElke nacht.",
            "teun@voorbeeld.example",
        ),
    ],
)
def test_a_pasted_mail_is_read_too(pasted: str, text: str, address: str) -> None:
    draft = draft_of_text(pasted)
    assert (draft.text, draft.sender_address) == (text, address)


def test_a_very_long_mail_fits_a_report_and_the_rest_is_told() -> None:
    draft = draft_of_text("woord " * 4_000)
    assert len(draft.text) == 10_000
    assert draft.text + draft.left_out == ("woord " * 4_000)[:20_000].strip()


async def test_the_process_apart_reads_and_refuses_alike() -> None:
    reader = MailReader()
    message = mail()
    message.add_attachment(b"\xff\xd8\xff", maintype="image", subtype="jpeg", filename="foto.jpg")
    assert await reader.read(message.as_bytes(), "zandrecht") == read_mail(message.as_bytes())
    with pytest.raises(MailRefused) as caught:
        await reader.read(b"geen mail", "zandrecht")
    assert caught.value.reason == "no_mail"
