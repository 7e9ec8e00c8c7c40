"""Single values of a record: what is wrong spoils nothing else of it."""

from __future__ import annotations

import msgspec
import pytest

from tallybook.agents.values import ABSENT, instant, moment, named, readable, text, tolerant


class Thing(msgspec.Struct, rename="camel"):
    """A record of some agent."""

    kind: str
    the_size: int | None = None
    name: object = None
    rest: msgspec.Raw = ABSENT


decode = tolerant(Thing, "kind", "the_size")


def test_a_record_is_taken_whole() -> None:
    """By the names that it has in the log."""
    thing = decode(b'{"kind":"a","theSize":3,"name":"b","rest":[1],"more":1}')
    assert (thing.kind, thing.the_size, thing.name, bytes(thing.rest)) == ("a", 3, "b", b"[1]")


@pytest.mark.parametrize("name", [b"1e400", b'"\xff"', b'"\\ud83d"'])
def test_what_is_wrong_is_left_out(name: bytes) -> None:
    """Numbers beyond all bounds and bytes that are no text, where nothing depends on them."""
    thing = readable(b'{"kind":"a","theSize":3,"name":%b,"rest":[1]}' % name, decode)
    if thing is not None:  # half a pair of surrogates leaves nothing that could be taken
        assert (thing.kind, thing.the_size, thing.name, bytes(thing.rest)) == ("a", 3, None, b"[1]")
    assert (thing is None) == name.startswith(b'"\\u')


@pytest.mark.parametrize(
    "raw",
    [b'{"kind":5}', b'{"theSize":3,"name":1e400}', b'{"kind":"a","theSize":"3"}', b"[1]", b"null", b"{", b"[" * 5000],
)
def test_a_record_is_wrong_where_a_field_is_wrong_that_is_needed(raw: bytes) -> None:
    """Or missing, or where there is no record."""
    assert readable(raw, decode) is None


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-05-28T20:26:40Z", 1_780_000_000_000_000),
        ("2026-05-28T20:26:40", 1_780_000_000_000_000),
        ("2026-05-28T22:26:40+02:00", 1_780_000_000_000_000),
        (1_780_000_000_000, 1_780_000_000_000_000),
        (0.5, 500),
        ("1969-12-31T23:59:59Z", None),
        (-1, None),
        (1e300, None),
        (float("inf"), None),
        (2**80, None),
        ("soon", None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_moments(told: object, at: int | None) -> None:
    """A time or milliseconds, of the years from 1970 on that have four digits."""
    assert moment(told) == at
    assert instant(msgspec.Raw(msgspec.json.encode(told))) == at


def test_texts() -> None:
    """Strings that are not empty."""
    assert [named(one) for one in ("x", "", None, 5)] == ["x", None, None, None]
    raws = [msgspec.Raw(raw) for raw in (b'"x"', b'""', b"null", b"5", b"{")]
    assert [text(raw) for raw in raws] == ["x", None, None, None, None]
