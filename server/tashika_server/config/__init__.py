"""Configuration: a TOML file becomes a typed, closed, checked value, or one clear complaint.

units and settings say what may be written, reading makes Settings of TOML, issuers reads the
files that are named, checking looks at the whole. Components never import this package:
`assembly` translates it into what they take.
"""

from tashika_server.config.checking import Config, load_config, load_settings
from tashika_server.config.problem import BadValue, Complaints, ConfigError, Problem
from tashika_server.config.settings import (
    Access,
    BookSettings,
    Environment,
    IssuerSettings,
    LabSettings,
    OfficeTls,
    Settings,
)
from tashika_server.config.units import Address, write_duration, write_size

__all__ = [
    "Access",
    "Address",
    "BadValue",
    "BookSettings",
    "Complaints",
    "Config",
    "ConfigError",
    "Environment",
    "IssuerSettings",
    "LabSettings",
    "OfficeTls",
    "Problem",
    "Settings",
    "load_config",
    "load_settings",
    "write_duration",
    "write_size",
]
