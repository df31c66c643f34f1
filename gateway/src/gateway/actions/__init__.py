"""What the gateway does, each in one transaction: configure, admit people and keys, sign in and out."""

from gateway.actions.api_keys import (
    API_KEY_PREFIX,
    MOST_PER_MINUTE,
    KeyBounds,
    KeyNameTaken,
    UnknownKey,
    list_api_keys,
    new_api_key,
    put_api_key,
    revoke_api_key,
)
from gateway.actions.municipalities import (
    Configured,
    UnknownMunicipality,
    configure_municipality,
    republish,
)
from gateway.actions.people import (
    fold_login,
    put_person,
)
from gateway.actions.signing_in import (
    WrongSignIn,
    hash_of,
    sign_in,
)
from gateway.actions.vaults import (
    open_vault,
    put_vault,
)

__all__ = [
    "API_KEY_PREFIX",
    "MOST_PER_MINUTE",
    "Configured",
    "KeyBounds",
    "KeyNameTaken",
    "UnknownKey",
    "UnknownMunicipality",
    "WrongSignIn",
    "configure_municipality",
    "fold_login",
    "hash_of",
    "list_api_keys",
    "new_api_key",
    "open_vault",
    "put_api_key",
    "put_person",
    "put_vault",
    "republish",
    "revoke_api_key",
    "sign_in",
]
