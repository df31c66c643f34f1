"""The full states that others speak, from the text that is stored; each text is read once."""

from functools import lru_cache

from common.contracts.gateway import MunicipalityConfigured
from common.contracts.intake import FormsConfigured

_KEPT = 64  # the text is the key: what changed is read anew, and nothing can be stale


@lru_cache(maxsize=_KEPT)
def town_of(state: str) -> MunicipalityConfigured:
    """A municipality's configuration."""
    return MunicipalityConfigured.model_validate_json(state)


@lru_cache(maxsize=_KEPT)
def forms_of(state: str) -> FormsConfigured:
    """A municipality's signal types and questions."""
    return FormsConfigured.model_validate_json(state)
