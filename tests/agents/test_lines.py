"""Complete lines, wherever chunks and arrivals begin and end."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents import lines as module
from tallybook.agents.lines import LineReader, on_demand

if TYPE_CHECKING:
    from tallybook.agents.port import Line

CONTENT = st.lists(st.sampled_from([b"", b"a", b"bc\r", b"\r", b"defgh", b"ij" * 9, b"\n"]), max_size=12).map(
    b"\n".join
)


def expected(content: bytes, longest: int) -> tuple[list[tuple[int, bytes]], int, int]:
    found, end, overlong = [], 0, 0
    for line in content.splitlines(keepends=True) if b"\r" not in content else content.split(b"\n"):
        complete = line.endswith(b"\n") if b"\r" not in content else end + len(line) < len(content)
        if not complete:
            break
        raw = line.removesuffix(b"\n")
        if len(raw) > longest:
            overlong += 1
        elif raw.removesuffix(b"\r"):
            found.append((end, raw.removesuffix(b"\r")))
        end += len(raw) + 1
    return found, end, overlong


def read(content: bytes, start: int = 0) -> tuple[list[tuple[int, bytes]], int, int]:
    reader = LineReader(io.BytesIO(content), start)
    found: list[Line] = list(reader)
    return [(line.offset, line.raw) for line in found], reader.end, reader.overlong


@given(CONTENT, st.integers(1, 9), st.integers(1, 20))
def test_lines_do_not_depend_on_chunks(content: bytes, chunk: int, longest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        patch.setattr(module, "LONGEST_LINE", longest)
        assert read(content) == expected(content, longest)


@given(CONTENT, st.integers(0, 60))
def test_reading_goes_on_at_the_end_of_the_last_complete_line(content: bytes, cut: int) -> None:
    before, end, _ = read(content[:cut])
    after, last, _ = read(content[end:], end)
    assert (before + after, last) == read(content)[:2]


def test_a_long_line_costs_time_in_proportion_and_no_memory_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 64)
    monkeypatch.setattr(module, "LONGEST_LINE", 512 * 1024)
    began = time.process_time()
    assert read(b"x" * 400_000 + b"\nshort\n")[1:] == (400_007, 0)
    assert read(b"x" * 600_000 + b"\nshort\n") == ([(600_001, b"short")], 600_007, 1)
    assert time.process_time() - began < 0.5


def test_a_line_of_the_longest_length_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 5)
    assert read(b"12345\n123456\n") == ([(0, b"12345")], 13, 1)


class Told(msgspec.Struct):
    name: str


def test_a_decoder_is_set_up_once_by_its_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    real = msgspec.json.Decoder

    def counted(kind: type[Told]) -> msgspec.json.Decoder[Told]:
        made.append(kind)
        return real(kind)

    monkeypatch.setattr(msgspec.json, "Decoder", counted)
    decode = on_demand(Told)
    assert made == []
    assert [decode(raw).name for raw in ('{"name":"a"}', b'{"name":"b"}', memoryview(b'{"name":"c"}'))] == [
        "a",
        "b",
        "c",
    ]
    assert made == [Told]
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"name":1}')
