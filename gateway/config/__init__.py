"""The configuration: one YAML file, read strictly into a frozen tree; every problem is told at once, with its line."""

from gateway.config.loading import load
from gateway.config.routes import Rule, When
from gateway.config.sections import Callbacks, Caller, Key, Listen, Log, Retention, Retry, Tls, UpstreamSettings
from gateway.config.settings import Settings, findings
from gateway.config.sources import find
from gateway.config.values import Address

__all__ = [
    "Address",
    "Callbacks",
    "Caller",
    "Key",
    "Listen",
    "Log",
    "Retention",
    "Retry",
    "Rule",
    "Settings",
    "Tls",
    "UpstreamSettings",
    "When",
    "find",
    "findings",
    "load",
]
