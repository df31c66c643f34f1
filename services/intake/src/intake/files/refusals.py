"""Why a file is not taken, and what its sender can do about it: one table, Dutch and English."""

from common.errors import AppError, FieldError

TAKEN = "JPEG, PNG, WebP, PDF"

_SENTENCES: dict[str, tuple[str, str]] = {
    "empty": ("Dit bestand is leeg. Kies een ander bestand.", "This file is empty. Choose another."),
    "kind-not-taken": (
        f"Dit soort bestand nemen wij niet aan. Stuur een foto of een PDF ({TAKEN}).",
        f"This kind of file is not taken. Send a photo or a PDF ({TAKEN}).",
    ),
    "heic-not-taken": (
        "Dit is een HEIC-foto. Bewaar haar als JPEG en stuur die.",
        "This is a HEIC photo. Save it as JPEG and send that.",
    ),
    "script": (
        "Dit is een programma of webpagina. Stuur een foto of een PDF.",
        "This is a program or a web page. Send a photo or a PDF.",
    ),
    "wrong-extension": (
        "De inhoud past niet bij de naam of het type. Bewaar het bestand opnieuw als JPEG, PNG of PDF.",
        "The content does not match its name or declared type. Save the file again as JPEG, PNG or PDF.",
    ),
    "two-kinds-at-once": (
        "Dit bestand is twee soorten tegelijk. Open het, bewaar het opnieuw en stuur dat.",
        "This file is two kinds at once. Open it, save it again and send that.",
    ),
    "damaged": (
        "Dit bestand is beschadigd of niet heel aangekomen. Bewaar het opnieuw, of druk het af naar PDF.",
        "This file is damaged or did not arrive whole. Save it again, or print it to PDF.",
    ),
    "moving-picture": (
        "Dit is een bewegend plaatje. Maak er een schermafdruk van en stuur die.",
        "This is a moving picture. Take a screenshot of it and send that.",
    ),
    "encrypted": (
        "Deze PDF is beveiligd. Haal het wachtwoord eraf, of druk hem af naar een nieuwe PDF.",
        "This PDF is protected. Remove the password, or print it to a new PDF.",
    ),
    "unpacks-too-large": (
        "Uitgepakt is dit bestand veel te groot. Maak de foto kleiner, of splits de PDF.",
        "Unpacked, this file is far too large. Make the photo smaller, or split the PDF.",
    ),
    "too-many-pages": (
        "Deze PDF heeft te veel bladzijden. Stuur alleen de bladzijden die ertoe doen.",
        "This PDF has too many pages. Send only those that matter.",
    ),
    "picture-in-pdf": (
        "Een plaatje in deze PDF kunnen wij niet schoonmaken. Druk hem af naar PDF, of stuur foto's.",
        "A picture in this PDF cannot be cleaned here. Print the PDF to a new PDF, or send photos.",
    ),
    "font-in-pdf": (
        "Een lettertype in deze PDF kunnen wij niet schoonmaken. Druk de PDF af naar een nieuwe PDF.",
        "A font in this PDF cannot be cleaned here. Print the PDF to a new PDF.",
    ),
    "content-in-pdf": (
        "Een onderdeel van deze PDF kunnen wij niet schoonmaken. Druk de PDF af naar een nieuwe PDF.",
        "A part of this PDF cannot be cleaned here. Print the PDF to a new PDF.",
    ),
    "too-heavy": (
        "Dit bestand kost te veel tijd of geheugen om te openen. Maak een foto of schermafdruk en stuur die.",
        "This file takes too much time or memory to open. Take a photo or screenshot and send that.",
    ),
    "malware": (
        "De virusscanner houdt dit bestand tegen. Stuur een ander bestand.",
        "The virus scanner stops this file. Send another.",
    ),
}
CODES = frozenset(_SENTENCES)


class FileRefused(AppError):
    """The file is not taken; `errors` names why and the way out."""

    status = 400
    code = "file-refused"
    title = "This file is not taken"

    def __init__(self, reason: str) -> None:
        dutch, english = _SENTENCES[reason]
        super().__init__(english, errors=[FieldError("/file", reason, dutch, english)])
        self.reason = reason


class FileTooLarge(AppError):
    """The file is larger than this municipality takes of its kind."""

    status = 413
    code = "file-too-large"
    title = "The file is too large"

    def __init__(self, limit_bytes: int) -> None:
        mib = limit_bytes // (1024 * 1024)
        dutch = f"Dit bestand is te groot: hoogstens {mib} MB. Maak het kleiner, of stuur het in delen."
        english = f"This file is too large: at most {mib} MB. Make it smaller, or send it in parts."
        super().__init__(english, errors=[FieldError("/file", "too-large", dutch, english)])
