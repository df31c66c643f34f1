"""Everything that the gateway remembers, as SQL."""

from gateway.store.configuration import (
    lock_municipality,
    read_directory,
    read_directory_version,
    read_state,
    write_state,
)
from gateway.store.people import (
    Account,
    SessionTimes,
    delete_dead_sessions,
    delete_session,
    delete_sessions_of,
    insert_session,
    read_account,
    read_api_key,
    read_session,
    touch_session,
    write_account,
    write_api_key,
    write_password_hash,
)
from gateway.store.vaults import (
    GroupWrap,
    Vault,
    insert_vault_opening,
    read_vault,
    write_vault,
)

__all__ = [
    "Account",
    "GroupWrap",
    "SessionTimes",
    "Vault",
    "delete_dead_sessions",
    "delete_session",
    "delete_sessions_of",
    "insert_session",
    "insert_vault_opening",
    "lock_municipality",
    "read_account",
    "read_api_key",
    "read_directory",
    "read_directory_version",
    "read_session",
    "read_state",
    "read_vault",
    "touch_session",
    "write_account",
    "write_api_key",
    "write_password_hash",
    "write_state",
    "write_vault",
]
