"""Signatures of what is posted to callers, so that they can tell it from what others post.

Source: Standard Webhooks 1.0: `webhook-id` (the same in every repetition), `webhook-timestamp` (seconds), and
`webhook-signature: v1,` with the base64 of HMAC-SHA256 over `id.timestamp.body`; keys are `whsec_` and base64.
"""

import base64
import hashlib
import hmac
import secrets

from pydantic import SecretStr

SIGNING = "whsec_"


def new_signing_key() -> str:
    """A random key of 256 bits in the form that receivers' libraries expect."""
    return SIGNING + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(key: SecretStr, message_id: str, now: int, body: bytes) -> dict[str, str]:
    """The header fields that sign a body; `now` in milliseconds since 1970."""
    timestamp = str(now // 1000)
    secret = base64.b64decode(key.get_secret_value().removeprefix(SIGNING))
    digest = hmac.digest(secret, b".".join((message_id.encode(), timestamp.encode(), body)), hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
