"""Adapters by name, imported on demand: the core never imports one by itself."""

import importlib
import pkgutil
import re

from gateway.errors import ConfigError
from gateway.nearest import shown, unknown
from gateway.ports import Adapter

PACKAGE = "adapters"

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


def load(name: str) -> Adapter:
    """The ADAPTER of `adapters.<name>`, or of the module that a dotted name spells. Raises ConfigError."""
    if name in known():
        module = f"{PACKAGE}.{name}"
    elif _MODULE.fullmatch(name):
        module = name
    else:
        raise ConfigError([unknown("adapter", name, known())])
    try:
        adapter = getattr(importlib.import_module(module), "ADAPTER", None)
    except ImportError as error:
        raise ConfigError([f"adapter {shown(name)} cannot be imported: {error}"]) from error
    if not isinstance(adapter, Adapter):
        raise ConfigError([f"module {module} exports no ADAPTER; see docs/ADDING_AN_ADAPTER.md"])
    # Checked here, once for every adapter: a misspelt option that is dropped in silence is found in production.
    if adapter.options and adapter.options.model_config.get("extra") != "forbid":
        raise ConfigError([f"adapter {shown(name)} must declare its options with extra='forbid'"])
    return adapter


def known() -> tuple[str, ...]:
    """The names of the adapters that come with the gateway: the folders of the package."""
    package = importlib.import_module(PACKAGE)
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg))


def faces() -> tuple[Adapter, ...]:
    """The known adapters that clients can call."""
    return tuple(adapter for adapter in map(load, known()) if adapter.face is not None)
