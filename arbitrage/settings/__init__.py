"""The environment in, plain typed values out. It opens nothing but `.env` and the files of secrets."""

from arbitrage.settings.kinds import is_loopback
from arbitrage.settings.model import VENUE_URLS, Settings, ensure_state_dir, load_settings

__all__ = ["VENUE_URLS", "Settings", "ensure_state_dir", "is_loopback", "load_settings"]
