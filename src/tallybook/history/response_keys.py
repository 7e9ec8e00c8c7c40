"""Keys of responses as their rows hold them: ids of known forms without what every one of them has, in few bytes.

What stands for a key follows from it and the name of its session alone, and gives it back exactly.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Final

_PLAIN: Final = b"\0"
"""The rest is the key in UTF-8."""
_OF_SESSION: Final = b"\1"
"""The rest is what stands, in hexadecimal digits, behind the session's name and a colon."""
_OF_REQUEST: Final = b"\2"
"""The rest is what stands in the ids of Anthropic's messages and requests, 6 bits for each letter or digit."""
_MESSAGE: Final = "msg_01"
_REQUEST: Final = ":req_011C"
_MIDDLE: Final = 28
_BEHIND: Final = 37
_LENGTH: Final = 57
_FILL: Final = "AA"
"""Makes the 42 letters and digits bytes without a rest; they end with a byte of zeros then."""


def packed_key(key: str, session: str) -> bytes:
    """What the row of a response of that session holds in place of the key; both are text that UTF-8 can hold."""
    if key.startswith(session):
        short = _short(key, len(session))
        if short is not None:
            return short
    return _long(key)


def packed_keys(key: str) -> tuple[bytes, ...]:
    """All that a row may hold in place of the key, whatever its session; others may share what comes second."""
    short = _short(key, key.rfind(":"))
    return (_long(key),) if short is None else (_long(key), short)


def key_text(packed: bytes, session: str) -> str:
    """The key that ``packed_key`` was given with that session."""
    form, rest = packed[:1], packed[1:]
    if form == _OF_SESSION:
        return f"{session}:{rest.hex()}"
    if form == _OF_REQUEST:
        text = b2a_base64(rest + b"\0", newline=False).decode()
        return f"{_MESSAGE}{text[: _MIDDLE - len(_MESSAGE)]}{_REQUEST}{text[_MIDDLE - len(_MESSAGE) : -len(_FILL)]}"
    return rest.decode()


def _short(key: str, colon: int) -> bytes | None:
    """The key without the name of its session, which ends before the ``colon``."""
    if colon < 0 or key[colon : colon + 1] != ":":
        return None
    digits = key[colon + 1 :]
    try:
        rest = bytes.fromhex(digits)
    except ValueError:
        return None
    return _OF_SESSION + rest if rest.hex() == digits else None


def _long(key: str) -> bytes:
    if len(key) == _LENGTH and key.startswith(_MESSAGE) and key[_MIDDLE:_BEHIND] == _REQUEST:
        text = key[len(_MESSAGE) : _MIDDLE] + key[_BEHIND:]
        if text.isalnum() and text.isascii():
            return _OF_REQUEST + a2b_base64(text + _FILL)[:-1]
    return _PLAIN + key.encode()
