"""The forms that settings are written in, each read once into what the gateway works with.

Sentences here never show what was written: the same readers see secrets.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Sequence, Sized
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gateway.config.store_url import store_url
from gateway.model import Priority

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)/(s|m|h)", re.ASCII)
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", re.ASCII)
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_SHA256 = re.compile(r"[Ss][Hh][Aa]256:[0-9A-Fa-f]{64}", re.ASCII)
_SCRYPT = re.compile(r"scrypt:([0-9]{1,8}):([0-9]{1,3}):([0-9]{1,3}):([0-9A-Za-z+/=]+):([0-9A-Za-z+/=]+)", re.ASCII)
_COUNTRY = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_PATTERN = re.compile(r"[1-9][0-9?*]{0,15}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{2,14}", re.ASCII)
_RANGE = re.compile(r"([0-9]{1,5})?-([0-9]{1,5})?", re.ASCII)
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Entries = TypeVar("Entries", bound=Sized)

SCRYPT_MEMORY = 128 * 2**20
"""Bytes one password check may take: the checker allows twice that, and callers decide when it runs."""


class Address(NamedTuple):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _duration(value: object) -> float:
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a duration with its unit, such as 500ms, 30s, 5m, 24h or 7d")
    return float(match[1]) * _SECONDS[match[2]]


def _rate(value: object) -> float:
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) == 0:
        raise ValueError("must be a rate with its unit, such as 20/s, 600/m or 1000/h")
    return float(match[1]) / _SECONDS[match[2]]


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[3]) > 65535 or (match[1] and not _is_ipv6(match[1])):
        raise ValueError('must be HOST:PORT, such as 127.0.0.1:8080 or "[::]:8080" (in quotes)')
    return Address(match[1] or match[2], int(match[3]))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _network(value: object) -> IpNetwork:
    if isinstance(value, IpNetwork):
        return value
    try:
        # As text only: a number would be taken for an address (5 is 0.0.0.5).
        return ipaddress.ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(
            "must be an address or a network, such as 10.1.2.3 or 10.1.0.0/16, with no bits set behind the prefix"
        ) from error


def _public_url(text: str) -> str:
    try:
        url = urlsplit(text)
        whole = (
            url.scheme in {"http", "https"} and url.hostname and url.port != 0 and not (url.username or url.password)
        )
    except ValueError:
        whole = False
    if not whole or "?" in text or "#" in text or text.endswith("/") or not text.isprintable() or " " in text:
        raise ValueError("must be the URL clients reach, such as https://sms.example.org: no / at its end, no query")
    return text


def _callback_url(text: str) -> str:
    try:
        url = urlsplit(text)
        whole = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        whole = False
    if not whole or not text.isprintable() or " " in text:
        raise ValueError("must be a whole http or https URL, such as https://erp.example.org/incoming")
    return text


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError("must be a short name of lower-case letters, digits, - and _")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not hold control characters")
    return text


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise ValueError("must be a country calling code, such as 46")
    return text


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise ValueError("must be three capital letters, such as SEK")
    return text


def _key_hash(text: str) -> str:
    if _SHA256.fullmatch(text):
        return text.lower()
    match = _SCRYPT.fullmatch(text)
    if match is None or not _scrypt_is_sound(match):
        raise ValueError(
            "is no hash of a key: make a new key with 'sluss key new', or hash the one in use with 'sluss key hash'"
        )
    return text


def _scrypt_is_sound(match: re.Match[str]) -> bool:
    n, r, p = int(match[1]), int(match[2]), int(match[3])
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in (match[4], match[5]))
    except binascii.Error:
        return False
    cheap_enough = n > 1 and n & (n - 1) == 0 and r > 0 and p > 0 and 128 * r * max(n, p) <= SCRYPT_MEMORY
    return cheap_enough and len(salt) >= 8 and 16 <= len(digest) <= 64


def _text(value: object) -> object:
    # Digits without quotes are a number to YAML, and an account or a phone number to whoever wrote them.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def not_empty(entries: Entries) -> Entries:
    """The entries, if there are any: counted once they are read, so that a bad entry is not missed as well."""
    if not entries:
        raise ValueError("is empty: at least one is needed")
    return entries


def _one_or_many(value: object) -> object:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        value = [value]
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError("is empty, so it would match everything: remove the key or name something")
        return [_text(item) for item in value]
    return value


def _recipient(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        sentence = "must be digits with the country code, * for any further ones and ? for any single one"
        raise ValueError(f"{sentence}: 46700001111, 4670000*, 46?0*")
    return text


def _phone(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError("must be a number in digits with its country code, as 46700001111")
    return text


class Bounds(NamedTuple):
    """From the first to the last, both of them included; None is no bound."""

    first: int | None
    last: int | None

    def __contains__(self, number: object) -> bool:
        """Whether a number lies within."""
        return isinstance(number, int) and (self.first or 0) <= number and (self.last is None or number <= self.last)

    def __str__(self) -> str:
        """As it is written."""
        if self.first == self.last:
            return str(self.first)
        return "-".join("" if bound is None else str(bound) for bound in self)


def _range(value: object) -> Bounds:
    if isinstance(value, Bounds):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Bounds(value, value) if value >= 0 else Bounds(None, -value)  # to YAML, -70 is a number
    match = _RANGE.fullmatch(value) if isinstance(value, str) else None
    first, last = (None if bound is None else int(bound) for bound in match.groups()) if match else (None, None)
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        raise ValueError("must be a number (2) or a range: 1-160, 161- for 161 and more, -70 for 70 and less")
    return Bounds(first, last)


def _day(text: str) -> int:
    if text.lower() not in _DAYS:
        raise ValueError(f"must be a day: {', '.join(_DAYS)}")
    return _DAYS.index(text.lower())


def _hours(value: object) -> tuple[int, int]:
    match = _HOURS.fullmatch(value) if isinstance(value, str) else None
    minutes = [60 * int(match[at]) + int(match[at + 1]) for at in (1, 3)] if match else [0, 0]
    if minutes[0] == minutes[1] or minutes[1] > 24 * 60:
        raise ValueError('must be hours of a day in quotes, as "08:00-17:00" or "22:00-06:00"')
    return minutes[0], minutes[1]


def _priority(value: object) -> Priority:
    found = {"normal": Priority.NORMAL, "1": Priority.NORMAL, "high": Priority.HIGH, "2": Priority.HIGH}.get(str(value))
    if found is None:
        raise ValueError("must be normal or high")
    return found


# Beside what the gateway works with, each type says what may be written, for the schema that editors read. Theirs are
# the expressions of JavaScript, which know no flags and search; hence the ends.
def _whole(pattern: re.Pattern[str], *, holds: str = "") -> str:
    return f"^{f'(?=.*[{holds}])' if holds else ''}(?:{pattern.pattern})$"


def _one(words: str, *forms: dict[str, object], examples: Sequence[object] = ()) -> WithJsonSchema:
    form = forms[0] if len(forms) == 1 else {"anyOf": list(forms)}
    return WithJsonSchema({"description": words, **form} | ({"examples": list(examples)} if examples else {}))


def _some(words: str, *forms: dict[str, object], examples: Sequence[object] = ()) -> WithJsonSchema:
    item = forms[0] if len(forms) == 1 else {"anyOf": list(forms)}
    return _one(f"{words}; one or a list", *forms, {"type": "array", "items": item, "minItems": 1}, examples=examples)


def _like(pattern: str) -> dict[str, object]:
    return {"type": "string", "pattern": pattern}


def _from(first: int, digits: int = 0) -> dict[str, object]:
    return {"type": "integer", "minimum": first} | ({"exclusiveMaximum": 10**digits} if digits else {})


_TEXT: dict[str, object] = {"type": "string"}
_INTEGER: dict[str, object] = {"type": "integer"}
_ANY_CASE = "|".join("".join(f"[{letter.upper()}{letter}]" for letter in day) for day in _DAYS)

Duration = Annotated[
    float,
    BeforeValidator(_duration),
    _one("A duration with its unit, or 0", _like(_whole(_DURATION)), {"enum": [0, "0"]}, examples=["30s", "24h"]),
]
"""Seconds."""

Positive = Annotated[
    float,
    BeforeValidator(_duration),
    Field(gt=0),
    _one("A duration with its unit", _like(_whole(_DURATION, holds="1-9")), examples=["500ms", "30s", "5m"]),
]
"""Seconds, more than none."""

Rate = Annotated[
    float,
    BeforeValidator(_rate),
    _one("Messages in a time", _like(_whole(_RATE, holds="1-9")), examples=["20/s", "600/m", "1000/h"]),
]
"""Messages per second."""

Listening = Annotated[
    Address,
    BeforeValidator(_address),
    _one("HOST:PORT", _like(_whole(_ADDRESS)), examples=["127.0.0.1:8080", "[::]:8080"]),
]
Network = Annotated[
    IpNetwork,
    BeforeValidator(_network),
    _one("An address or a network", _like("^[0-9A-Fa-f]*[.:]"), examples=["10.1.2.3", "10.1.0.0/16", "fd00::/8"]),
]
PublicUrl = Annotated[
    str,
    AfterValidator(_public_url),
    _one(
        "The URL that clients reach, without / at its end",
        _like("^[Hh][Tt][Tt][Pp][Ss]?://[^?# ]*[^?#/ ]$"),
        examples=["https://sms.example.org"],
    ),
]
CallbackUrl = Annotated[
    str,
    AfterValidator(_callback_url),
    _one("A whole URL", _like("^[Hh][Tt][Tt][Pp][Ss]?://[^ ]+$"), examples=["https://erp.example.org/incoming"]),
]
StoreUrl = Annotated[
    str,
    AfterValidator(store_url),
    _one(
        "sqlite:/// and a path, postgresql:// and a database without a password, or memory:",
        _like("^(?:memory:|sqlite:///.+|postgresql://.+)$"),
        examples=["sqlite:////var/lib/sluss/sluss.db", "postgresql://sluss@db.example.org/sluss", "memory:"],
    ),
]
Slug = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(_slug),
    _one("Lower-case letters, digits, - and _", _like(_whole(_SLUG)), _from(0)),
]
Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | int), AfterValidator(_printable)]
_CALLING = (_like(_whole(_COUNTRY)), _from(1, digits=3))
Country = Annotated[
    str, BeforeValidator(_text), AfterValidator(_country), _one("A country calling code", *_CALLING, examples=[46])
]
Currency = Annotated[
    str, AfterValidator(_currency), _one("Three capital letters", _like(_whole(_CURRENCY)), examples=["SEK"])
]
KeyHash = Annotated[
    str,
    AfterValidator(_key_hash),
    _one(
        "The hash of a key, as `sluss key new` or `sluss key hash` prints it",
        _like(f"{_whole(_SHA256)}|{_whole(_SCRYPT)}"),
    ),
]
Names = Annotated[frozenset[str], BeforeValidator(_one_or_many), _some("Names", _TEXT, _INTEGER)]
Phone = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(_phone),
    _one("Digits with the country code", _like(_whole(_NUMBER)), _from(100, digits=15), examples=["46701234567"]),
]
Countries = Annotated[
    tuple[Country, ...],
    BeforeValidator(_one_or_many),
    _some("Country calling codes", *_CALLING, examples=[46, [46, 47]]),
]
Range = Annotated[
    Bounds,
    BeforeValidator(_range),
    _one("A number or a range", _like(_whole(_RANGE, holds="0-9")), _INTEGER, examples=[2, "1-160", "161-", "-70"]),
]
Days = Annotated[
    tuple[Annotated[int, BeforeValidator(_day)], ...],
    BeforeValidator(_one_or_many),
    _some("Days", {"enum": list(_DAYS)}, _like(f"^(?:{_ANY_CASE})$"), examples=[["mon", "tue"]]),
]
"""Monday is 0."""
_PRIORITY: dict[str, object] = {"enum": ["normal", "high", 1, 2]}
Prioritised = Annotated[Priority, BeforeValidator(_priority), _one("The priority", _PRIORITY)]
Spans = Annotated[
    tuple[Annotated[tuple[int, int], BeforeValidator(_hours)], ...],
    BeforeValidator(_one_or_many),
    _some("Hours of the day", _like(_whole(_HOURS)), examples=["08:00-17:00", "22:00-06:00"]),
]
"""From and until, in minutes since midnight; what ends before it begins goes on past midnight."""
Priorities = Annotated[frozenset[Prioritised], BeforeValidator(_one_or_many), _some("Priorities", _PRIORITY)]
Recipients = Annotated[
    tuple[Annotated[str, AfterValidator(_recipient)], ...],
    BeforeValidator(_one_or_many),
    _some(
        "Digits with the country code, * for any further ones, ? for any single one",
        _like(_whole(_PATTERN)),
        _from(1, digits=16),
        examples=["46700001111", "4670000*", "46?0*"],
    ),
]
