"""The sections of the configuration: frozen, typed, each key with its default and its bounds."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gateway import registry
from gateway.config.section import Section
from gateway.config.values import (
    Address,
    CallbackUrl,
    Country,
    Currency,
    Duration,
    KeyHash,
    Listening,
    Network,
    Positive,
    PublicUrl,
    Rate,
    Recipients,
    Slug,
    Text,
    not_empty,
)
from gateway.errors import ConfigError
from gateway.nearest import shown, unknown
from gateway.signing import SIGNING


class Tls(Section):
    """The certificate that clients see, whose certificates they may show, and how old they may be.

    `address` None is the public address itself, which then speaks nothing else.
    """

    certificate: Path
    key: Path
    address: Listening | None = None
    clients: Literal["none", "optional", "required"] = "none"
    ca: Path | None = None
    hsts: Duration = 0.0
    legacy: bool = False

    @model_validator(mode="after")
    def _knows_whom_to_believe(self) -> Self:
        if (self.clients == "none") != (self.ca is None):
            raise ValueError("clients and ca go together: whose certificates are asked for, and who has signed them")
        return self


class Listen(Section):
    """Where clients (public) and operations (internal) reach the gateway."""

    public: Listening = Address("127.0.0.1", 8080)
    internal: Listening = Address("127.0.0.1", 8081)
    public_url: PublicUrl | None = None
    trusted_proxies: tuple[Network, ...] = ()
    hook_secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    internal_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    shutdown: Duration = 20.0
    tls: Tls | None = None
    connections: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    requests: Annotated[int, Field(ge=10, le=100_000)] = 2_000

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.public == self.internal and self.public.port:
            raise ValueError("public and internal are the same address: give internal a port of its own")
        secure = self.tls and self.tls.address
        if secure and secure.port and secure in (self.public, self.internal):
            raise ValueError("tls.address is taken by public or internal: leave it out where public is to speak TLS")
        return self


def _or_its_hash(schema: dict[str, Any]) -> None:
    whole = dict(schema)
    schema.clear()
    schema["anyOf"] = [whole["properties"]["hash"], whole]


class Key(Section):
    """One API key of a caller, known only by its hash; a plain text stands for the hash alone."""

    model_config = ConfigDict(json_schema_extra=_or_its_hash)

    hash: Annotated[KeyHash, Field(repr=False)]
    name: Annotated[Text, Field(max_length=64)] = ""
    allow_from: tuple[Network, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, raw: object) -> object:
        return {"hash": raw} if isinstance(raw, str) else raw


def _keys_or_passthrough(schema: dict[str, Any]) -> None:
    schema["required"].remove("keys")
    schema["if"] = {"properties": {"passthrough": {"const": True}}, "required": ["passthrough"]}
    schema["then"] = {"properties": {"keys": {"maxItems": 0}}}
    schema["else"] = {"properties": {"keys": {"minItems": 1}}, "required": ["keys"]}


class IncomingSettings(Section):
    """Which messages that come in are a caller's: those to these numbers, all where none is named; and its URL."""

    numbers: Recipients = ()
    url: CallbackUrl | None = None


def _signing_key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    try:
        sound = text.startswith(SIGNING) and 24 <= len(base64.b64decode(text[len(SIGNING) :], validate=True)) <= 64
    except (ValueError, binascii.Error):
        sound = False
    if not sound:
        raise ValueError("is no key to sign with: make one with 'sluss key sign'")
    return key


class Caller(Section):
    """A system that sends through the gateway. `faces` None means all of them.

    `passthrough`: its keys are not known here; what it gives as account and key is what the upstream sees.
    """

    model_config = ConfigDict(json_schema_extra=_keys_or_passthrough)

    name: Slug
    account: Annotated[Text, Field(min_length=1, max_length=64)]
    passthrough: bool = False
    keys: tuple[Key, ...]
    allow_from: tuple[Network, ...] = ()
    faces: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    rate: Rate | None = None
    daily: Annotated[int, Field(ge=1)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    country: Country = "46"
    currency: Currency = "SEK"
    organization: Annotated[Text, Field(max_length=100)] = ""
    senders: Literal["any", "registered"] = "any"
    incoming: IncomingSettings | None = None
    signing: Annotated[SecretStr, AfterValidator(_signing_key)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_keys(cls, raw: object) -> object:
        if isinstance(raw, Mapping) and raw.get("passthrough") is True:
            return {"keys": (), **raw}
        return raw

    @field_validator("keys")
    @classmethod
    def _whose_keys(cls, keys: tuple[Key, ...], info: ValidationInfo) -> tuple[Key, ...]:
        if not info.data.get("passthrough"):
            return not_empty(keys)
        if keys:
            raise ValueError("must be left out with passthrough: its keys are the upstream's to check")
        return keys


def _seal_key(key: SecretStr) -> SecretStr:
    try:
        sound = len(base64.urlsafe_b64decode(key.get_secret_value())) == 32
    except (ValueError, binascii.Error):
        sound = False
    if not sound:
        raise ValueError("is no key to seal with: make one with 'sluss key seal'")
    return key


class Sealing(Section):
    """What stored credentials and two-factor codes are sealed with: the first key; any of them opens."""

    keys: tuple[Annotated[SecretStr, AfterValidator(_seal_key)], ...] = ()


class Retry(Section):
    """How long an upstream that cannot be reached is tried again: pauses grow from `first` to `max`."""

    first: Positive = 1.0
    max: Positive = 300.0
    give_up: Duration = 86400.0

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.max < self.first:
            raise ValueError("max is shorter than first: make it at least as long")
        return self


def _sends(name: str) -> str:
    try:
        adapter = registry.load(name)
    except ConfigError as error:
        raise ValueError("; ".join(error.problems)) from error
    if adapter.upstream is None and adapter.local is None:
        raise ValueError(f"adapter {shown(name)} only serves clients: it cannot be an upstream")
    return name


class _NoOptions(Section):
    """The options of an adapter that has none."""


class UpstreamSettings(Section):
    """A provider the gateway sends through. `options` holds every key that is the adapter's own, as its own model."""

    name: Slug
    adapter: Annotated[str, AfterValidator(_sends)]
    rate: Rate | None = None
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 128
    timeout: Positive = 30.0
    connect_timeout: Positive = 5.0
    retry: Retry = Retry()
    options: BaseModel | None = None

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, raw: object) -> object:
        if not isinstance(raw, Mapping) or isinstance(raw.get("options"), BaseModel):
            return raw
        own = cls.model_fields.keys() - {"options"}
        rest = {key: value for key, value in raw.items() if key not in own}
        return {key: value for key, value in raw.items() if key in own} | {"options": rest}

    @field_validator("options", mode="before")
    @classmethod
    def _read_options(cls, raw: object, info: ValidationInfo) -> BaseModel | None:
        if "adapter" not in info.data:
            return None  # Which options there are cannot be said; the adapter is a problem already.
        model = registry.load(info.data["adapter"]).options
        options = (model or _NoOptions).model_validate(raw)
        return options if model else None


def _serves(name: str) -> str:
    names = [adapter.name for adapter in registry.faces()]
    if name not in names:
        raise ValueError(unknown("face", name, names))
    return name


class FaceSettings(Section):
    """What operations say of a face: every key is the adapter's own, as its own model."""

    name: Annotated[str, AfterValidator(_serves)]
    options: BaseModel | None = None

    @field_validator("options", mode="before")
    @classmethod
    def _read_options(cls, raw: object, info: ValidationInfo) -> BaseModel | None:
        if "name" not in info.data:
            return None  # Which options there are cannot be said; the name is a problem already.
        model = registry.load(info.data["name"]).face_options
        options = (model or _NoOptions).model_validate(raw)
        return options if model else None


class Callbacks(Section):
    """How delivery reports are posted to callers' URLs."""

    allow_private: bool = False
    timeout: Positive = 10.0


WEEK = 7 * 86400


class Retention(Section):
    """How long what is done with is kept; None keeps it. A week at least: so long may a network still report on it."""

    messages: Annotated[Positive, Field(ge=WEEK)] | None = None


class Log(Section):
    """What is logged, and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "pretty"] = "auto"
