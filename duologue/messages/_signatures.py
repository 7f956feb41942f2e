"""Signatures: who has sent a message, and that it was just now.

`sign_webhook` and `verify_webhook` are those of Standard Webhooks 1.0: HMAC-SHA256 over
id, time and body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from duologue.errors import SecretTooShortError, SignatureError

LEAST: Final = 24
"""Bytes of a secret, as Standard Webhooks asks for."""

TOLERANCE: Final = 300.0
"""Seconds that two clocks may differ."""

_PREFIX: Final = "whsec_"
_VERSION: Final = "v1,"


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who signs messages instead of showing a token, and what it may do.

    Attributes:
        name: Who it is.
        secrets: What it signs with: `whsec_` and base64, or any text of 24 bytes and
            more. Two are one rotation.
        scopes: What it may do, as those of a token.

    Raises:
        SecretTooShortError: A secret could be guessed.
    """

    name: str
    secrets: Sequence[str] = field(repr=False)
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.secrets, str):
            object.__setattr__(self, "secrets", (self.secrets,))
        for secret in self.secrets:
            key_of(secret)

    def has_signed(self, content: bytes, given: str) -> bool:
        """Tell whether one of some signatures, between spaces, is this one's."""
        return any(
            hmac.compare_digest(
                one.encode(errors="replace"), sign(secret, content).encode()
            )
            for secret in self.secrets
            for one in given.split(" ")[:8]
        )


def key_of(secret: str) -> bytes:
    """The key that a secret is.

    Raises:
        SecretTooShortError: It could be guessed.
    """
    key = secret.encode()
    if secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret[len(_PREFIX) :], validate=True)
        except binascii.Error:
            key = b""
    if len(key) < LEAST:
        raise SecretTooShortError(len(key), LEAST)
    return key


def sign(secret: str, content: bytes) -> str:
    """The signature of some bytes: `v1,` and base64.

    Raises:
        SecretTooShortError: The secret could be guessed.
    """
    digest = hmac.digest(key_of(secret), content, hashlib.sha256)
    return _VERSION + base64.b64encode(digest).decode()


def signed_content(name: str, at: str, body: bytes) -> bytes:
    """What Standard Webhooks signs of a message."""
    return f"{name}.{at}.".encode(errors="surrogateescape") + body


def check_time(at: float, now: float) -> None:
    """Refuse what was not signed just now.

    Raises:
        SignatureError: It was not.
    """
    if abs(at - now) > TOLERANCE:
        when = "old" if at < now else "of the future"
        problem = (
            f"it is {abs(at - now):.0f} s {when}, {TOLERANCE:.0f} are allowed; sign "
            "it when it is sent, and set the clock by NTP"
        )
        raise SignatureError(problem)
