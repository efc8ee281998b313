"""The whole tree, and what is worth a warning though it is not wrong."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from gateway import registry
from gateway.config.checks import Parts, objections
from gateway.config.routes import Rule
from gateway.config.section import Section
from gateway.config.sections import Callbacks, Caller, FaceSettings, Listen, Log, Retention, Sealing, UpstreamSettings
from gateway.config.trials import Trial
from gateway.config.values import Recipients, StoreUrl, not_empty
from gateway.ports import Adapter


class Settings(Section):
    """The configuration of one gateway."""

    version: Literal[1]
    listen: Listen = Listen()
    store: StoreUrl = "sqlite:///./sluss.db"
    callers: tuple[Caller, ...] = ()
    sealing: Sealing = Sealing()
    only: Recipients = ()
    upstreams: Annotated[dict[str, UpstreamSettings], AfterValidator(not_empty)]
    routes: Annotated[tuple[Rule, ...], AfterValidator(not_empty)]
    tests: tuple[Trial, ...] = ()
    faces: Annotated[dict[str, FaceSettings], Field(default_factory=dict)]
    callbacks: Callbacks = Callbacks()
    retention: Retention = Retention()
    log: Log = Log()

    @field_validator("upstreams", mode="before")
    @classmethod
    def _name_upstreams(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            return raw
        return {
            name: {"name": name, **section} if isinstance(section, Mapping) else section
            for name, section in raw.items()
        }

    @field_validator("upstreams", mode="after")
    @classmethod
    def _keys_are_names(cls, upstreams: dict[str, UpstreamSettings]) -> dict[str, UpstreamSettings]:
        if any(upstream.name != key for key, upstream in upstreams.items()):
            raise ValueError("an upstream is named by its key: remove 'name' from what stands below it")
        return upstreams

    @field_validator("faces", mode="before")
    @classmethod
    def _name_faces(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            return raw
        return {name: {"name": name, "options": section} for name, section in raw.items()}

    def face_options(self, adapter: Adapter) -> BaseModel | None:
        """What an adapter's face is told: its section, or its defaults; None where it has no options."""
        section = self.faces.get(adapter.name)
        if section is not None:
            return section.options
        return adapter.face_options() if adapter.face_options else None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        refuse(
            Parts(
                callers=dict(enumerate(self.callers)),
                rules=dict(enumerate(self.routes)),
                caller_names=[caller.name for caller in self.callers],
                upstream_names=list(self.upstreams),
                rule_count=len(self.routes),
            )
        )
        if not self.sealing.keys and any(caller.passthrough for caller in self.callers):
            raise ValueError(
                "a caller is passed through, so its credentials are stored until they are used:"
                " name under sealing.keys a key to seal them with, made by 'sluss key seal'"
            )
        return self


def refuse(parts: Parts) -> None:
    """Raises ValidationError with every objection there is."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("objection", "{sentence}", {"sentence": item.sentence, "other": item.other}),
            loc=item.where,
            input=None,
        )
        for item in objections(parts)
    ]
    if details:
        raise ValidationError.from_exception_data("Settings", details, hide_input=True)


LEGACY = (
    "listen.tls.legacy: keys and texts travel under TLS 1.0 and 1.1, WHICH CAN BE BROKEN: serve only those old clients"
    " there, from networks that you trust, and set it to false when the last of them is gone"
)


def findings(settings: Settings) -> list[str]:
    """What works, but probably not as meant: one sentence each."""
    told = []
    if not settings.callers:
        told.append("callers: there is none, so nobody can send: add one with a key from 'sluss key new'")
    if settings.listen.tls is not None and settings.listen.tls.legacy:
        told.append(LEGACY)
    used = {upstream for rule in settings.routes for upstream in rule.upstreams}
    told += [
        f"upstreams.{name}: no route leads here: remove it, or name it in routes"
        for name in settings.upstreams
        if name not in used
    ]
    for upstream in settings.upstreams.values():
        if registry.load(upstream.adapter).reports is not None:
            told += _about_reports(settings.listen, upstream)
    told += [
        f"upstreams.{name}: what is relayed is not held to 'only': it can reach anybody"
        for name, upstream in settings.upstreams.items()
        if settings.only and getattr(upstream.options, "relay", False)
    ]
    path = settings.store.removeprefix("sqlite:///")
    if path != settings.store and "/" in path and not path.startswith(("/", "./", "../")):
        told.append(
            "store: the path is relative to the working directory: write sqlite:////... (four slashes) for an absolute"
            " one, or sqlite:///./... to say that it is meant"
        )
    return told


def _about_reports(listen: Listen, upstream: UpstreamSettings) -> Iterator[str]:
    if listen.public_url is None:
        yield f"upstreams.{upstream.name}: its delivery reports cannot come in: set listen.public_url"
    secrets = [value for _, value in upstream.options or () if isinstance(value, SecretStr)]
    if listen.hook_secret is None and not secrets:
        # Where there is no hook_secret, the upstream's own credentials stand in for it.
        yield f"upstreams.{upstream.name}: anyone can guess where its reports are posted: set listen.hook_secret"
