"""Lines that no agent writes, how many of each sort a log counts as bad, and things that are no logs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

CLAUDE = b'{"type":"assistant","sessionId":"s","timestamp":"2026-01-01T00:00:00Z","message":'
CODEX = b'{"timestamp":"2026-01-01T00:00:00Z","type":"event_msg","payload":{"type":"token_count",'
DEEP = b"[" * 100_000 + b"]" * 100_000


class Garbage(msgspec.Struct, frozen=True):
    """Some lines."""

    lines: bytes
    claude: int = 1
    """How many bad lines it makes in a log of Claude Code; the others hold nothing that is known there."""
    codex: int = 1


def usage(counts: bytes, more: bytes = b"") -> bytes:
    """A row of Claude Code with these counts in it."""
    return CLAUDE + b'{"id":"m","model":"x",' + more + b'"usage":{' + counts + b"}}}\n"


GARBAGE = {
    "empty lines": Garbage(b"\n\n\r\n", 0, 0),
    "text": Garbage(b"not json at all\n"),
    "binary": Garbage(bytes(range(256)) + b"\n", 2, 2),
    "invalid utf-8": Garbage(b'{"type":"\xff\xfe"}\n'),
    "nul": Garbage(b"\0" * 5000 + b"\n"),
    "byte order mark": Garbage(b"\xef\xbb\xbf{}\n"),
    "carriage returns": Garbage(b'\r\n\r{"type":"nothing"}\r\r\n', 0, 0),
    "lists": Garbage(b"[[],[],{}]\n"),
    "scalars": Garbage(b'1\n"x"\nnull\ntrue\nNaN\n-Infinity\n', 6, 6),
    "deep": Garbage(b'{"a":' * 100_000 + b"\n"),
    "deep within a row": Garbage(usage(b'"input_tokens":5', b'"content":' + DEEP + b",")),
    "deep within a count": Garbage(CODEX + b'"x":' + DEEP + b"}}\n"),
    "duplicate keys": Garbage(b'{"type":"assistant","type":"user","message":{},"message":[]}\n', 0, 0),
    "duplicate counts": Garbage(
        b'{"type":"assistant","sessionId":"s","message":{"usage":[],"id":"m","id":5,"usage":{}},"timestamp":[]}\n'
    ),
    "lone surrogate": Garbage(b'{"type":"assistant","message":{"model":"\\ud800"}}\n'),
    "lone surrogates for ids": Garbage(
        b'{"type":"assistant","sessionId":"\\ud800","message":{"id":"\\udfff","usage":{"input_tokens":-1}}}\n'
    ),
    "wrong types": Garbage(
        b'{"type":"assistant","sessionId":7,"message":{"id":[],"usage":[1]},"timestamp":{}}\n',
    ),
    "huge count": Garbage(usage(b'"input_tokens":' + b"9" * 5000), 1, 0),
    "negative": Garbage(usage(b'"input_tokens":-5'), 1, 0),
    "broken numbers": Garbage(usage(b'"input_tokens":1.5,"output_tokens":1e400'), 1, 0),
    "no numbers": Garbage(usage(b'"input_tokens":NaN,"output_tokens":Infinity')),
    "codex wrong types": Garbage(
        b'{"timestamp":5,"type":"event_msg","payload":[]}\n'
        b'{"timestamp":"x","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":7}}}\n'
        b'{"timestamp":"2026-01-01T00:00:00Z","type":"session_meta","payload":"x"}\n',
        0,
        3,
    ),
    "codex broken numbers": Garbage(
        CODEX + b'"info":{"total_token_usage":{"input_tokens":-5,"cached_input_tokens":99999999999999999999,'
        b'"output_tokens":true,"total_tokens":[]},"last_token_usage":null}}}\n',
        0,
        1,
    ),
    "codex broken record": Garbage(
        b'{"timestamp":"2026-01-01T00:00:00Z","type":"token_usage_record","payload":{"thread_id":[],"response_id":7}}\n',
        0,
        1,
    ),
    "long line": Garbage(b'{"type":"user","message":{"content":"' + b"x" * 3_000_000 + b'"}}\n', 0, 0),
    "torn": Garbage(b'{"type":"assistant","message":{"usage":{"input_tok', 0, 0),
}

ODD_THINGS = ("pipe", "loop", "device", "nothing", "directory", "up", "compressed")


def odd_thing(place: Path, kind: str) -> None:
    """Put something that is no log where one could lie."""
    match kind:
        case "pipe":
            os.mkfifo(place)
        case "loop":
            place.symlink_to(place.name)
        case "device":
            place.symlink_to("/dev/zero")
        case "nothing":
            place.symlink_to("/nowhere")
        case "directory":
            place.mkdir()
        case "up":
            place.with_suffix("").symlink_to(place.parent)
        case _:
            place.with_suffix(".jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd garbage")
