"""Access tokens of programs: what each may do, kept as digests in a file.

A token is 256 random bits, so its SHA-256 alone can stand in a file: nobody finds the
token from it, and no slow hash is needed as for passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

from cattrs import BaseValidationError, ForbiddenExtraKeysError
from cattrs.preconf.json import make_converter

from duologue.errors import (
    AccessTokenFileError,
    AccessTokenNameError,
    AccessTokenScopeError,
)

PREFIX: Final = "duo_"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCOPE: Final = re.compile(r"([a-z]+(?:\.[a-z]+)*):([!-)+-~]*\*?)")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FORMAT: Final = 1
_MOST: Final = 1 << 20  # bytes of a file

_UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,  # a list where an object belongs
    BaseValidationError,
    ForbiddenExtraKeysError,
)

_Stamp: TypeAlias = tuple[int, int, int]
_converter = make_converter(forbid_extra_keys=True, detailed_validation=False)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token of a program, without the secret: who it is and what it may do.

    Attributes:
        name: Whose it is. Two live tokens of one name are one rotation.
        digest: SHA-256 of the secret, as 64 hexadecimal digits.
        scopes: What it may do, each `verb:pattern`. A pattern is a text, or the
            beginning of one followed by `*`.
        expires_at: Unix seconds after which it is worth nothing; None for never.
    """

    name: str
    digest: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    expires_at: float | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise AccessTokenNameError(name=self.name)
        for scope in self.scopes:
            if not _SCOPE.fullmatch(scope):
                raise AccessTokenScopeError(scope=scope)

    def allows(self, verb: str, target: str) -> bool:
        """Tell whether a scope of the token names something.

        Args:
            verb: What is to be done, such as `tell`.
            target: With what, such as `dialog/max.42:5:5`.
        """
        for scope in self.scopes:
            named, _, pattern = scope.partition(":")
            if named == verb and _matches(pattern, target):
                return True
        return False


def _matches(pattern: str, target: str) -> bool:
    if pattern.endswith("*"):
        return target.startswith(pattern[:-1])
    return pattern == target


class AccessTokens:
    """The access tokens that a door knows.

    Args:
        tokens: The tokens.
        clock: Tells Unix seconds.
    """

    def __init__(
        self,
        tokens: Iterable[AccessToken] = (),
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tokens: tuple[AccessToken, ...] = tuple(tokens)
        self._clock = clock

    def tokens(self) -> tuple[AccessToken, ...]:
        """Tell the tokens, also those that have expired."""
        return self._tokens

    def find(self, secret: str) -> AccessToken | None:
        """Find the token that a caller shows.

        Takes as long for a wrong secret as for a right one.

        Args:
            secret: What the caller shows.

        Returns:
            The token; None if there is none, or it has expired.
        """
        digest, now = digest_of(secret), self._clock()
        found = None
        for token in self.tokens():
            if hmac.compare_digest(token.digest, digest):
                found = token
        if found is None or is_over(found, now):
            return None
        return found


class AccessTokenFile(AccessTokens):
    """The access tokens in a file, which may be changed while a door is open.

    Args:
        path: The file, as `duologue token` writes it. One that is not there has no
            tokens.
        clock: Tells Unix seconds.

    Raises:
        AccessTokenFileError: It cannot be read. A door that is open keeps what it
            read last.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(clock=clock)
        self.path: Path = Path(path)
        self._stamp: _Stamp | None = _stamp_of(self.path)
        self._tokens = read_tokens(self.path)

    def tokens(self) -> tuple[AccessToken, ...]:
        """Tell the tokens, as they stand in the file now."""
        stamp = _stamp_of(self.path)
        if stamp != self._stamp:
            # One that somebody is writing by hand is read when it is whole.
            with suppress(AccessTokenFileError):
                self._tokens, self._stamp = read_tokens(self.path), stamp
        return self._tokens


@dataclass(frozen=True, slots=True)
class _Document:
    format: int
    tokens: list[AccessToken] = field(default_factory=list)


def digest_of(secret: str) -> str:
    """Tell the SHA-256 of a secret, as hexadecimal digits."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def is_over(token: AccessToken, now: float) -> bool:
    """Tell whether a token has expired."""
    return token.expires_at is not None and now >= token.expires_at


def new_token(
    name: str, scopes: Sequence[str], *, expires_at: float | None = None
) -> tuple[str, AccessToken]:
    """Make a token.

    Returns:
        The secret, which is kept nowhere, and the token.

    Raises:
        AccessTokenNameError: It cannot have this name.
        AccessTokenScopeError: Nothing can be read from a scope.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, AccessToken(name, digest_of(secret), tuple(scopes), expires_at)


def rotated(
    tokens: Iterable[AccessToken], name: str, until: float
) -> tuple[AccessToken, ...]:
    """Let the tokens of a name expire, those that do not so earlier."""
    return tuple(
        replace(token, expires_at=min(until, token.expires_at or until))
        if token.name == name
        else token
        for token in tokens
    )


def read_tokens(path: Path) -> tuple[AccessToken, ...]:
    """Read a file of tokens; without the file there are none.

    Raises:
        AccessTokenFileError: It cannot be read, or is no such file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if len(content) > _MOST:
        raise _unreadable(path, f"it has more than {_MOST} bytes")
    try:
        document = _converter.loads(content, _Document)
    except _UNREADABLE as error:
        raise _unreadable(path, f"no list of tokens: {error}") from error
    if document.format != _FORMAT:
        raise _unreadable(path, f"its format is {document.format}, not {_FORMAT}")
    for token in document.tokens:
        if not _DIGEST.fullmatch(token.digest):
            raise _unreadable(path, f"the digest of {token.name!r} is none")
    return tuple(document.tokens)


def write_tokens(path: Path, tokens: Iterable[AccessToken]) -> None:
    """Write a file of tokens, whole or not at all, for this user alone.

    Raises:
        AccessTokenFileError: It cannot be written.
    """
    document = asdict(_Document(_FORMAT, list(tokens)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made with 0600: nobody else reads it at any moment.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        written = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _stamp_of(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _unreadable(path: Path, reason: str) -> AccessTokenFileError:
    return AccessTokenFileError(path=str(path), reason=reason)
