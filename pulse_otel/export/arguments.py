"""The arguments of the exporter: what is wrong with them is told once, and never raised."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_otel.config import Config, checked
from pulse_otel.given import Given
from pulse_otel.log import rate_limited
from pulse_otel.settings import KEY_PREFIX, ConfigError


def complain_about(unknown: Sequence[str]) -> None:
    """Warn of arguments that the exporter has not; a name with a key in it is not shown."""
    if unknown:
        rate_limited.warning(
            "arguments",
            "pulse-otel: arguments of the exporter are left out: %s; it takes api_key, api_url,"
            " protocol, enabled, ca_file, spool_dir, sample_rate, keep_errors, redact and prices",
            ", ".join(sorted(name for name in unknown if KEY_PREFIX not in name)),
        )


def settings_of(given: Given) -> Config | None:
    """Return the settings; None, with a warning, if one is wrong."""
    try:
        config = checked(given)
    except ConfigError as error:
        rate_limited.warning("config", "pulse-otel: nothing is exported: %s", error)
        return None
    if config.lacks_key:
        rate_limited.warning(
            "config", "pulse-otel: nothing is exported: set PULSE_API_KEY, or pass api_key"
        )
    return config
