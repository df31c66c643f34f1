"""Invented values for the slots of the training sentences: numbers with right checksums, plates, addresses."""

import random
import string
from collections.abc import Callable

MONTHS = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
]
CITIES = [
    "Tilburg",
    "Breda",
    "Zwolle",
    "Almelo",
    "Den",
    "Haag",
    "Oss",
    "Venlo",
    "Gouda",
    "Sneek",
    "Emmen",
    "Weert",
    "Delft",
    "Roosendaal",
    "Assen",
    "Helmond",
]
STREETS = [
    "Kerkstraat",
    "Dorpsstraat",
    "Molenweg",
    "Lange Nieuwstraat",
    "Jan van Goyenlaan",
    "Burgemeester Kolfschotenlaan",
    "Prins Bernhardlaan",
    "Havenkade",
    "Westersingel",
    "De Ruyterplein",
    "Oude Gracht",
    "Beukendreef",
    "Graaf Florisstraat",
    "Dr. Kuyperlaan",
    "Zeedijk",
    "Ambachtsplein",
    "Laan van Nieuw Guinea",
    "Sint Jorisstraat",
    "Van Goghstraat",
    "Willem de Zwijgerlaan",
    "Korte Poten",
    "Hoefbladhof",
    "Eikenlaan",
    "Rembrandtstraat",
    "Pastoor Smitsstraat",
    "Tweede Spoorstraat",
    "Industrieweg",
    "Kanaaldijk",
    "Boterdiep",
    "Marktplein",
    "Anna Bijnsring",
]
#: Words that are names as well; here they are words.
AMBIGUOUS = [
    "roos",
    "beer",
    "bos",
    "wolf",
    "vos",
    "mark",
    "bakker",
    "boer",
    "koning",
    "post",
    "storm",
    "lente",
    "winter",
    "zomer",
    "wit",
    "zwart",
    "groen",
    "snel",
    "dag",
    "roos",
    "haan",
    "visser",
    "kok",
    "slager",
    "smit",
    "berg",
    "dijk",
    "veld",
    "steen",
    "bloem",
    "prins",
    "graaf",
    "meester",
    "jager",
    "molen",
    "kop",
    "lot",
    "may",
    "sam",
    "jet",
    "pol",
    "bas",
    "lies",
    "griet",
    "wim",
]
VEHICLES = [
    "zwarte Golf",
    "grijze Mercedes Vito",
    "witte Ford Transit",
    "rode Opel Corsa",
    "blauwe BMW",
    "oude Peugeot 206",
    "Audi A3",
    "witte bestelbus",
    "donkere Seat Leon",
    "Volvo V70",
    "gele Fiat Panda",
    "Renault Trafic",
    "Toyota Aygo",
    "scooter",
    "VW Caddy",
    "zilveren Skoda Octavia",
]
DUTCH_SHAPES = [
    "99-LL-LL",
    "LL-LL-99",
    "99-LLL-9",
    "9-LLL-99",
    "LL-999-L",
    "L-999-LL",
    "LLL-99-L",
    "L-99-LLL",
    "9-LL-999",
    "999-LL-9",
]
FOREIGN_SHAPES = [
    "LL-LL 999",
    "L-LL 9999",
    "LL 99999",
    "LLL 99LL",
    "9-LLL-999",
    "L 999 LLL",
    "LL 9999 LL",
    "LL-999-LL",
    "LLL 999",
    "LL99 LLL",
]
_CONSONANTS = "BDFGHJKLNPRSTVXZ"


class Values:
    """Makes values from one random source; every call gives another."""

    def __init__(self, chance: random.Random) -> None:
        self._r = chance
        self.makers: dict[str, tuple[str, Callable[[], str]]] = {
            "K": ("KENTEKEN", self.plate),
            "A": ("ADRES", self.address),
            "Z": ("POSTCODE", self.postcode),
            "T": ("TELEFOON", self.phone),
            "E": ("EMAIL", self.email),
            "B": ("GEBOORTEDATUM", lambda: self.date(1945, 2007)),
            "BSN": ("BSN", self.citizen_number),
            "IBAN": ("IBAN", self.account),
            "KVK": ("KVK", lambda: self.digits(8)),
            "D": ("DOCUMENT", self.document),
            "IP": ("IP", self.ip_address),
            "H": ("SOCIAL", self.handle),
            "U": ("SOCIAL", self.link),
            "W": ("", lambda: self._r.choice(AMBIGUOUS)),
            "s": ("", lambda: self._r.choice(STREETS)),
            "g": ("", lambda: self._r.choice(CITIES)),
            "d": ("", lambda: self.date(2022, 2026)),
            "t": ("", lambda: f"{self._r.randrange(24):02}{self._r.choice(':.')}{self._r.randrange(60):02}"),
            "n": ("", lambda: self.digits(self._r.choice((4, 5, 6, 10)))),
            "m": ("", self.amount),
            "v": ("", lambda: self._r.choice(VEHICLES)),
        }

    def digits(self, count: int) -> str:
        """So many digits, the first no zero."""
        return str(self._r.randrange(1, 10)) + "".join(
            self._r.choice(string.digits) for _ in range(count - 1)
        )

    def plate(self) -> str:
        """A plate, Dutch three times in four."""
        is_dutch = self._r.random() < 0.75
        shape = self._r.choice(DUTCH_SHAPES if is_dutch else FOREIGN_SHAPES)
        plate = "".join(
            self._r.choice(_CONSONANTS) if c == "L" else self._r.choice("123456789") if c == "9" else c
            for c in shape
        )
        return plate.replace("-", self._r.choice(("-", "-", " ", ""))) if is_dutch else plate

    def address(self) -> str:
        """A street and a number, with what can stand behind it."""
        number = str(self._r.randrange(1, 400))
        number += self._r.choice(("", "", "", "a", "B", "-2", " hs", "-H", " II", " bis"))
        return f"{self._r.choice(STREETS)} {self._r.choice(('', '', '', '', 'nr. ', 'nummer '))}{number}"

    def postcode(self) -> str:
        """Four digits and two letters; SA, SD and SS are never given out."""
        letters = self._r.choice(_CONSONANTS) + self._r.choice("BDFGHJKLN")
        letters = "SB" if letters == "SD" else letters
        return f"{self._r.randrange(1000, 9999)}{self._r.choice((' ', ''))}{letters}"

    def phone(self) -> str:
        """A mobile, fixed or foreign number in some spacing."""
        d = self.digits(8)
        return self._r.choice(
            (
                f"06-{d}", f"06{d}", f"06 {d[:2]} {d[2:4]} {d[4:6]} {d[6:]}", f"+316{d}", f"+31 6 {d[:4]} {d[4:]}",
                f"0031 6 {d}", f"020-{d[:7]}", f"(010) {d[:3]} {d[3:7]}", f"0162 {d[:6]}", f"+48 6{d[:2]} {d[2:5]} {d[5:8]}",
                f"+49 171 {d[:7]}",
            )
        )  # fmt: skip

    def email(self) -> str:
        """An address, one in six written around."""
        name = self._r.choice(("info", "kees", "m.jansen", "zon", "van.dam", "dj", "rood")) + self.digits(2)
        host = self._r.choice(("gmail.com", "ziggo.nl", "hotmail.com", "proton.me", "onet.pl"))
        written = self._r.choice(("{}@{}",) * 5 + ("{} apenstaartje {}", "{}[at]{}", "{}(at){}"))
        return written.format(name, host)

    def date(self, first: int, last: int) -> str:
        """A day between two years, in one of the usual ways."""
        day, month, year = (
            self._r.randrange(1, 29),
            self._r.randrange(1, 13),
            self._r.randrange(first, last + 1),
        )
        return self._r.choice(
            (f"{day:02}-{month:02}-{year}", f"{day}/{month}/{year}", f"{day} {MONTHS[month - 1]} {year}", f"{day:02}.{month:02}.{year}")
        )  # fmt: skip

    def citizen_number(self) -> str:
        """Nine digits that pass the eleven-test."""
        while True:
            digits = [self._r.randrange(1, 10)] + [self._r.randrange(10) for _ in range(7)]
            check = sum(d * w for d, w in zip(digits, range(9, 1, -1), strict=True)) % 11
            if check < 10:
                return "".join(map(str, digits)) + str(check)

    def account(self) -> str:
        """An IBAN with right check digits."""
        bank, number = self._r.choice(("INGB", "RABO", "ABNA", "BUNQ", "KNAB")), "0" + self.digits(9)
        numeric = "".join(str(int(c, 36)) for c in bank + number + "NL00")
        iban = f"NL{98 - int(numeric) % 97:02}{bank}{number}"
        return " ".join(iban[n : n + 4] for n in range(0, 18, 4)) if self._r.random() < 0.5 else iban

    def document(self) -> str:
        """A number of a Dutch passport or identity card."""
        middle = "".join(self._r.choice("BCDFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(5))
        return self._r.choice(("N", "I", "S", "B")) + self._r.choice("BCDFGHJKLN") + middle + self.digits(2)

    def ip_address(self) -> str:
        """An IPv4 address."""
        return ".".join(str(self._r.randrange(2, 250)) for _ in range(4))

    def handle(self) -> str:
        """A name of an account."""
        stem = self._r.choice(("plug", "lil", "mr", "dutch", "snow", "papi", "king", "joey"))
        return self._r.choice(("@{}_{}", "{}_{}", "@{}.{}", "{}{}")).format(stem, self.digits(3))

    def link(self) -> str:
        """A link to a profile."""
        site = self._r.choice(("instagram.com", "https://t.me", "www.facebook.com", "snapchat.com/add"))
        return f"{site}/{self._r.choice(('plug', 'dutch', 'sweet'))}{self.digits(3)}"

    def amount(self) -> str:
        """A sum of money."""
        euros = self._r.randrange(50, 9000)
        return self._r.choice((f"{euros} euro", f"€ {euros}", f"€{euros},-", f"{euros // 1000 + 1}.500 euro"))
