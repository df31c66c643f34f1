"""The settings of the casework process."""

from common.settings import ServiceSettings


class CaseworkSettings(ServiceSettings):
    """What casework needs: nothing beyond every service."""
