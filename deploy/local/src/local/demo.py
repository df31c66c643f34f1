"""The invented municipalities: desks, partners, key groups, and people with a vault each."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import yaml
from common.contracts.codes import FormLayout, KeyGroup, Role
from common.db import Database
from common.sealing import (
    Context,
    KeyPair,
    decode,
    encode,
    generate_key_pair,
    key_pair_of,
    seal,
    wrap_private_key,
)
from common.vouching import Signing, new_signing_key
from gateway.configuration import (
    DepartmentState,
    GroupKeyState,
    MunicipalityState,
    NeighbourhoodState,
    PartnerState,
    SubscriptionState,
)
from gateway.passwords import Passwords
from gateway.signing import signed
from gateway.store import GroupWrap
from intake.seed import load_seed

from gateway import actions

NAMES = {"waterdam": "Gemeente Waterdam", "polderveen": "Gemeente Polderveen"}
_PAGED = frozenset({"polderveen"})  # asks one question a page
PARTNER = "politie"
NEIGHBOURHOODS = (
    "Molenwijk",
    "Kadekwartier",
    "Parkflat",
    "Spoorzone",
    "Buitenpolder",
    "Snelwegzone",
    "Centrum",
    "Havenkwartier",
    "Kassengebied",
    "Nieuwland",
    "Bedrijvenpark Oost",
    "Proefwijk",
)
_CATCH_ALL = "oov"
SUBSCRIBED = ("politie", "riec", "woningcorporatie", "omgevingsdienst")
_GROUND = "Artikel 3 convenant samenwerking Waterdam (verzonnen)"

_GENERAL = (KeyGroup.GENERAL,)
_ALL = (KeyGroup.GENERAL, KeyGroup.RESTRICTED)


@dataclass(frozen=True)
class Sketch:
    """A demo person before passwords."""

    login: str
    name: str
    what: str
    roles: tuple[Role, ...]
    departments: tuple[str, ...] = ()
    groups: tuple[KeyGroup, ...] = ()


PEOPLE = (
    Sketch("noor", "Noor van Wijk", "behandelaar ondermijning", (Role.HANDLER,), ("oov",), _ALL),
    Sketch("sem", "Sem de Boer", "behandelaar bouw en ruimte", (Role.HANDLER,), ("vth",), _GENERAL),
    Sketch("amina", "Amina el Khatib", "procesmanager", (Role.PROCESS_MANAGER, Role.HANDLER), ("oov",), _ALL),
    Sketch("joost", "Joost Kramer", "functioneel beheerder", (Role.ADMINISTRATOR,)),
    Sketch("fleur", "Fleur Postma", "functionaris gegevensbescherming", (Role.PRIVACY_OFFICER,)),
    Sketch("wim", "Wim Terpstra", "sleutelbewaarder", (Role.CUSTODIAN,), (), (KeyGroup.IDENTITY,)),
    Sketch("lotte", "Lotte Bakels", "wijkmanager, meldt", (Role.REPORTER,)),
    Sketch("karim", "Karim Haddad", "balie, voert meldingen in", (Role.STAFF_ENTRY, Role.REPORTER)),
)


@dataclass(frozen=True)
class Person:
    """A demo account; password and passphrase are made once per folder and printed."""

    login: str
    name: str
    what: str
    password: str
    passphrase: str | None
    roles: tuple[str, ...]
    departments: tuple[str, ...]


@dataclass
class DemoTown:
    """One invented municipality, with the private halves that only its browsers would hold."""

    code: str
    display_name: str
    people: list[Person]
    api_key: str
    group_keys: dict[str, str]  # group → base64url private key; for tests and checks only
    signer: str  # base64url Ed25519 private key, with which its custodians vouch for the group keys
    partner_password: str  # what the passwords of its partners are made from; no partner gets it
    person_ids: dict[str, str] = field(default_factory=dict)
    has_neighbourhoods: bool = False  # else any text is taken as one

    def neighbourhood(self, name: str) -> str:
        """What a report says for this neighbourhood: its code, or the name where there is no list."""
        return name.lower().replace(" ", "-") if self.has_neighbourhoods else name

    def person(self, login: str) -> Person:
        """The account with this login."""
        return next(person for person in self.people if person.login == login)

    def password_of(self, partner: str) -> str:
        """A partner's password at the broker: the same at every start, and of no use to another partner."""
        made = hashlib.blake2b(partner.encode(), key=self.partner_password.encode(), digest_size=18)
        return base64.urlsafe_b64encode(made.digest()).decode()

    def key_pair(self, group: str) -> KeyPair:
        """The key pair of a group."""
        return key_pair_of(decode(self.group_keys[group]))

    @property
    def signer_public_key(self) -> str:
        """The public half of its signer: the anchor at intake."""
        return Signing(self.signer).public_key

    def key_id(self, group: str) -> str:
        """The id of a group's key."""
        return f"{self.code}-{group}-1"


class Demo:
    """All invented municipalities of an installation, remembered in one file that only we may read."""

    def __init__(self, file: Path, codes: Sequence[str], *, has_neighbourhoods: bool = False) -> None:
        self._file = file
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self.towns: dict[str, DemoTown] = {
            code: _read(known[code]) if code in known else _invent(code) for code in codes
        }
        for town in self.towns.values():
            town.has_neighbourhoods = has_neighbourhoods
        self._write()

    @property
    def first(self) -> DemoTown:
        """The municipality that is shown when none is named."""
        return next(iter(self.towns.values()))

    def set_up(self, settings: Any) -> None:  # noqa: ANN401 -- GatewaySettings, imported late by callers
        """Configure municipalities, people, vaults and keys at the gateway; what is there stays as it is."""
        asyncio.run(self._set_up(settings))
        self._write()

    async def _set_up(self, settings: Any) -> None:  # noqa: ANN401
        database, passwords = Database.from_settings(settings), Passwords()
        try:
            for town in self.towns.values():
                await _set_up_town(database, passwords, town)
        finally:
            passwords.close()
            await database.close()

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch(mode=0o600)
        document = {code: asdict(town) for code, town in self.towns.items()}
        self._file.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def _invent(code: str) -> DemoTown:
    return DemoTown(
        code=code,
        display_name=NAMES.get(code, f"Gemeente {code.title()}"),
        people=[
            Person(
                login=sketch.login,
                name=sketch.name,
                what=sketch.what,
                password=_phrase(),
                passphrase=_phrase() if sketch.groups else None,
                roles=tuple(role.value for role in sketch.roles),
                departments=sketch.departments,
            )
            for sketch in PEOPLE
        ],
        api_key=actions.new_api_key(),
        group_keys={group.value: encode(generate_key_pair().private) for group in KeyGroup},
        signer=new_signing_key(),
        partner_password=secrets.token_urlsafe(18),
    )


def _read(known: Mapping[str, Any]) -> DemoTown:
    people = [Person(**{**person, "roles": tuple(person["roles"])}) for person in known["people"]]
    if (
        "signer" not in known
    ):  # from before keys were vouched for: every vault is made anew, to pin the signer
        known = {**known, "signer": new_signing_key(), "person_ids": {}}
    return DemoTown(**{**known, "people": people})


async def _set_up_town(database: Database, passwords: Passwords, town: DemoTown) -> None:
    await actions.configure_municipality(database, municipality_state(town))
    for person, sketch in zip(town.people, PEOPLE, strict=True):
        person_id = await actions.put_person(
            database,
            passwords,
            municipality=town.code,
            login=person.login,
            display_name=person.name,
            password=person.password,
            roles=sketch.roles,
            departments=sketch.departments,
            person_id=uuid4(),
        )
        if town.person_ids.get(person.login) != str(person_id):
            await _put_vault(database, town, person, sketch, person_id)
            town.person_ids[person.login] = str(person_id)
    await actions.put_api_key(
        database,
        municipality=town.code,
        name="csv-demo",
        roles=[Role.EXPORT],
        purpose="demonstratie van de CSV",
        key=town.api_key,
    )


async def _put_vault(
    database: Database, town: DemoTown, person: Person, sketch: Sketch, person_id: UUID
) -> None:
    """What the person's browser would do at the first visit; the private halves reach no service."""
    if person.passphrase is None:
        return
    own = generate_key_pair()
    wrapped = await asyncio.to_thread(
        wrap_private_key,
        own.private,
        decode(Signing(town.signer).public_key),
        person.passphrase,
        Context(town.code, "person-key", str(person_id)),
    )
    await actions.put_vault(
        database,
        municipality=town.code,
        person_id=person_id,
        public_key=encode(own.public),
        wrapped_private_key=wrapped,
        group_wraps=[
            GroupWrap(
                group.value,
                town.key_id(group.value),
                encode(
                    seal(
                        town.key_pair(group.value).private,
                        own.public,
                        Context(town.code, "group-key", group.value, town.key_id(group.value)),
                    )
                ),
            )
            for group in sketch.groups
        ],
    )


def municipality_state(town: DemoTown) -> MunicipalityState:
    """The full state: every desk and partner of the seed data, and the public halves of the keys."""
    seed = yaml.safe_load(files("intake.seed").joinpath("signaltypes.yaml").read_text(encoding="utf-8"))
    state = MunicipalityState(
        code=town.code,
        display_name=town.display_name,
        text_in_clear=True,
        neighbourhoods=tuple(
            NeighbourhoodState(code=town.neighbourhood(name), name=name)
            for name in NEIGHBOURHOODS
            if town.has_neighbourhoods
        ),
        form_layout=FormLayout.ONE_PER_PAGE if town.code in _PAGED else FormLayout.ALL_ON_ONE,
        catch_all_department=_CATCH_ALL,
        departments=tuple(
            DepartmentState(code=each["code"], name=each["naam"], mail=f"{each['code']}@{town.code}.example")
            for each in seed["afdelingen"]
        ),
        partners=tuple(
            PartnerState(
                code=each["code"],
                name=each["naam"],
                kind=each["soort"],
                subscription=_subscription(each["code"]),
            )
            for each in seed["partners"]
        ),
        keys=tuple(
            GroupKeyState(
                group=group,
                key_id=town.key_id(group.value),
                public_key=encode(town.key_pair(group.value).public),
            )
            for group in KeyGroup
        ),
    )
    return signed(state, Signing(town.signer))


def _subscription(partner: str) -> SubscriptionState | None:
    if partner not in SUBSCRIBED:
        return None
    named = tuple(kind.code for kind in load_seed().signal_types.values() if partner in kind.partners)
    return SubscriptionState(signal_types=named, ground=_GROUND)


_WORDS = """
anker appel beker berg brug deken dijk duin eend fiets gans gracht haven hek hoed kaas kade kano kast kers
klomp klok kust lamp laan maan meer molen muur noot oever peer plein pont raam regen riet roos schip
schuur sluis spoor steiger ster stoel straat tafel toren trein tuin vaart veld veer vlag wind wolk zand zeil
""".split()  # noqa: SIM905 -- words read best in lines


def _phrase() -> str:
    return "-".join(secrets.choice(_WORDS) for _ in range(4))
