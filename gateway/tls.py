"""TLS at the public listener: who we say we are, whose certificates clients may show, and how old they may be."""

import ssl
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from gateway.clock import iso
from gateway.config import Tls
from gateway.errors import ConfigError
from gateway.observe import Metrics

log = structlog.get_logger()

SOON = timedelta(days=14)
"""What a certificate has left when operations are told."""

# Mozilla's "intermediate" of 2024 without its finite-field DHE: forward secrecy and authenticated encryption, nothing
# else. TLS 1.3 has suites of its own, all of which are so.
_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
    ":ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:@SECLEVEL=2"
)
# TLS 1.0 and 1.1 sign with SHA-1, which OpenSSL allows on this level alone.
_OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"

_ASKED = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


@dataclass(frozen=True, slots=True)
class Identity:
    """What the files say, read and found to be good."""

    context: ssl.SSLContext
    expires: datetime

    def findings(self, now: int) -> list[str]:
        """What is still well but will not be for long; `now` in milliseconds since 1970."""
        if self.expires - _time(now) > SOON:
            return []
        return [f"listen.tls.certificate: expires on {self.expires:%Y-%m-%d}: renew it, then `sluss reload`"]


def identity_of(settings: Tls, now: int) -> Identity:
    """Read the files. Raises ConfigError with everything that is wrong; `now` in milliseconds since 1970."""
    asked: list[tuple[str, Path, Callable[[bytes], Any], str]] = [
        ("certificate", settings.certificate, x509.load_pem_x509_certificates, "certificate"),
        ("key", settings.key, lambda data: load_pem_private_key(data, None), "private key"),
    ]
    if settings.ca is not None:
        asked.append(("ca", settings.ca, x509.load_pem_x509_certificates, "certificate"))
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, path, parse, words in asked:
        try:
            found[name] = parse(path.read_bytes())
        except OSError as error:
            problems.append(f"listen.tls.{name}: {path} cannot be read: {error.strerror}")
        except TypeError:
            problems.append(f"listen.tls.{name}: {path} is locked with a passphrase: store it without one")
        except (ValueError, UnsupportedAlgorithm):
            problems.append(f"listen.tls.{name}: {path} holds no {words} in PEM form that can be used")
    problems += _objections(settings, found.get("certificate"), found.get("key"), _time(now))
    if problems:
        raise ConfigError(problems)
    return Identity(_context(settings), found["certificate"][0].not_valid_after_utc)


def _objections(settings: Tls, chain: list[x509.Certificate] | None, key: Any, now: datetime) -> Iterator[str]:
    if chain is not None:
        # The first is ours; those behind it may be outdated on purpose, as cross-signed roots are.
        begins, ends = chain[0].not_valid_before_utc, chain[0].not_valid_after_utc
        if now > ends:
            yield f"listen.tls.certificate: {settings.certificate} has expired on {ends:%Y-%m-%d}: renew it"
        if now < begins:
            yield f"listen.tls.certificate: {settings.certificate} is not valid before {begins:%Y-%m-%d %H:%M} UTC"
    if key is None:
        return
    if settings.key.stat().st_mode & stat.S_IRWXO:
        yield f"listen.tls.key: {settings.key} is open to every user of this machine: chmod 640 {settings.key}"
    if chain is not None and _public(key) != _public(chain[0]):
        yield f"listen.tls.key: {settings.key} does not belong to the first certificate of {settings.certificate}"


def _public(holder: Any) -> bytes:
    encoded: bytes = holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _context(settings: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _Handshake
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # The lowest that OpenSSL has is TLS 1.0: SSLv3 is off in every context of Python's.
    lowest = ssl.TLSVersion.MINIMUM_SUPPORTED if settings.legacy else ssl.TLSVersion.TLSv1_2
    context.minimum_version = lowest
    context.set_ciphers(_OLD_CIPHERS if settings.legacy else _CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.verify_mode = _ASKED[settings.clients]
    try:
        context.load_cert_chain(settings.certificate, settings.key)
        if settings.ca is not None:
            context.load_verify_locations(settings.ca)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError([f"listen.tls: OpenSSL does not take it: {_reason(error)}"]) from None
    return context


def _reason(error: OSError) -> str:
    """OpenSSL's own word for it, one of a fixed list; never anything that the client sent."""
    return (getattr(error, "reason", None) or type(error).__name__).lower().replace("_", " ")


def _time(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1000, UTC)


class _Handshake(ssl.SSLObject):
    """Tells when a client and we cannot agree: asyncio says nothing of it, and old clients say little."""

    refused: Callable[[str], None]

    def do_handshake(self) -> None:
        """As ssl has it."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self.refused(_reason(error))
            raise


class Secure(ssl.SSLContext):
    """What the listener holds: each new connection is met with the newest identity, those that are open keep theirs."""

    newest: ssl.SSLContext
    metrics: Metrics

    @classmethod
    def of(cls, identity: Identity, metrics: Metrics, now: int) -> "Secure":
        """Begin with one; clients that could not connect are counted."""
        secure = cls(ssl.PROTOCOL_TLS_SERVER)
        secure.metrics = metrics
        secure.follow(identity, now)
        return secure

    def follow(self, identity: Identity, now: int) -> None:
        """Meet clients with this one from now on."""
        self.newest = identity.context
        self.metrics.expires.labels("public").set(identity.expires.timestamp())
        log.info("tls.certificate", expires=iso(int(identity.expires.timestamp() * 1000)))
        for finding in identity.findings(now):
            log.warning("configuration", finding=finding)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As event loops ask for the TLS of a new connection."""
        made = self.newest.wrap_bio(*args, **kwargs)
        made.refused = self._refused  # type: ignore[attr-defined]
        return made

    def _refused(self, reason: str) -> None:
        self.metrics.tls_refused.labels(reason).inc()
        log.info("tls.refused", reason=reason)
