"""What two configurations say differently, key by key, without showing a secret."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr

from gateway.config.sections import Tls
from gateway.config.settings import Settings
from gateway.config.values import Address, Bounds

HIDDEN = "********"

_OF_LISTENING = ("public", "internal", "internal_token", "shutdown", "connections", "requests")
AT_START = (
    *(f"listen.{key}" for key in _OF_LISTENING),
    "listen.tls.address",
    "store",
    "callbacks",
    "retention",
    "log",
)
"""What a gateway reads once, when it starts: keys, and sections with all that is in them."""


class Change(NamedTuple):
    """A key, and what stands there before and after; None is nothing at all."""

    path: str
    before: str | None
    after: str | None

    @property
    def at_start(self) -> bool:
        """Whether a gateway that runs does not follow it."""
        if self.path.startswith("listen.tls") and None in (self.before, self.after):
            return True  # the section comes or goes, and with it a listener
        return any(self.path == key or self.path.startswith(f"{key}.") for key in AT_START)


def changes(before: Settings, after: Settings) -> list[Change]:
    """Every key that differs, in the order of the new configuration; what is gone comes last."""
    old, new = dict(_leaves("", before)), dict(_leaves("", after))
    paths = [*new, *(path for path in old if path not in new)]
    return [
        Change(path, _shown(old[path]) if path in old else None, _shown(new[path]) if path in new else None)
        for path in paths
        if path not in old or path not in new or old[path] != new[path]
    ]


def followed(before: Settings, after: Settings) -> Settings:
    """The new configuration, but for what a running gateway does not follow."""
    kept = {key: getattr(before.listen, key) for key in _OF_LISTENING}
    listen = after.listen.model_copy(update={**kept, "tls": _tls(before.listen.tls, after.listen.tls)})
    once = {"store": before.store, "callbacks": before.callbacks, "retention": before.retention, "log": before.log}
    return after.model_copy(update={"listen": listen, **once})


def _tls(before: Tls | None, after: Tls | None) -> Tls | None:
    if before is None or after is None:
        return before
    return after.model_copy(update={"address": before.address})


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            inner = getattr(value, name)
            hidden = not field.repr and isinstance(inner, str)
            # The keys of an adapter stand beside the upstream's own.
            where = path if name == "options" and isinstance(inner, BaseModel) else _joined(path, name)
            yield from _leaves(where, SecretStr(inner) if hidden else inner)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(_joined(path, str(getattr(key, "value", key))), inner)
    elif isinstance(value, tuple) and value and all(isinstance(item, BaseModel) for item in value):
        names = [str(getattr(item, "name", "") or at) for at, item in enumerate(value)]
        yield _joined(path, "(order)"), tuple(names)
        for name, item in zip(names, value, strict=True):
            yield from _leaves(_joined(path, name), item)
    else:
        yield path, value


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_WRITTEN: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (SecretStr, lambda _value: HIDDEN),
    (type(None), lambda _value: "none"),
    (bool, lambda value: str(value).lower()),
    (Enum, lambda value: str(value.value)),
    (ZoneInfo, lambda value: str(value.key)),
    (Address, str),
    (Bounds, str),
    (tuple, lambda value: f"[{', '.join(map(_shown, value))}]"),
    (frozenset, lambda value: f"[{', '.join(sorted(map(_shown, value)))}]"),
    (object, str),
)
"""How a value is shown; the first class that fits."""


def _shown(value: object) -> str:
    return next(written(value) for kind, written in _WRITTEN if isinstance(value, kind))
