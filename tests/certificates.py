"""Certificates that tests make for themselves, and clients that speak TLS of whatever age."""

import ssl
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, in the files that a configuration names."""

    certificate: Path
    key: Path

    def section(self, **over: object) -> dict[str, object]:
        """The section `listen.tls` that names them."""
        return {"certificate": str(self.certificate), "key": str(self.key)} | over

    def move_to(self, other: "Issued") -> None:
        """Take the place of other files, as a renewal does."""
        self.certificate.replace(other.certificate)
        self.key.replace(other.key)


class Authority:
    """Signs certificates. `file` is its own."""

    def __init__(self, folder: Path, name: str = "A test's own") -> None:
        """Make one, with its file in a folder."""
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        now = datetime.now(UTC)
        made = _builder(self._name, self._key, now - timedelta(days=1), now + timedelta(days=365))
        made = made.issuer_name(self._name).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        signed = made.add_extension(_SIGNS, critical=True).sign(self._key, SHA256())
        self.file.write_bytes(signed.public_bytes(Encoding.PEM))

    def issue(
        self, name: str, *, host: str = "127.0.0.1", begins: int = -1, ends: int = 90, passphrase: bytes = b""
    ) -> Issued:
        """A certificate for an address; it is good between two days, counted from now."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = _builder(subject, key, now + timedelta(days=begins), now + timedelta(days=ends))
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host)), x509.DNSName("sms.example.org")])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = made.issuer_name(self._name).add_extension(names, critical=False).add_extension(issuer, critical=False)
        signed = made.sign(self._key, SHA256())
        issued = Issued(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        issued.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
        lock: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        issued.key.touch(0o600)
        issued.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
        return issued

    def client(self, shows: Issued | None = None) -> ssl.SSLContext:
        """What a client needs that believes this authority, and may show a certificate of its own."""
        context = ssl.create_default_context(cafile=str(self.file))
        if shows is not None:
            context.load_cert_chain(shows.certificate, shows.key)
        return context


def old(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client that knows nothing newer than that version."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.maximum_version = version
    return context


_SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def _builder(subject: x509.Name, key: Key, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
    built = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
    return built.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
