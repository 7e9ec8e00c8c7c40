"""Logs that builds of Copilot CLI wrote, text left out, against a model whose every answer was known.

The model was a made-up one on the same machine. Its answer number n used 1000+n of input, 400+n of which came from a
cache, and 100+n of output, 10+n of which were reasoning; that of the other kind is told where it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loggen.copilot import ZERO, Parts
from loggen.harness import count
from tallybook.agents.copilot_cli.reader import CopilotReader
from tallybook.domain.tokens import total_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Response

READER = CopilotReader()
REAL = Path(__file__).parent / "real"


def counted(*names: str) -> list[Response]:
    return count(READER, {f"/x/{name}.jsonl": (REAL / f"{name}.jsonl").read_bytes() for name in names})


def truth(calls: Iterable[int]) -> Parts:
    found = ZERO
    for n in calls:
        found = found.plus(Parts(600, 400 + n, 0, 100 + n, 10 + n))
    return found


def total(found: Iterable[Response]) -> Parts:
    tokens = total_of(one.tokens for one in found)
    return Parts(tokens.input, tokens.cache_read, tokens.cache_write_unknown, tokens.output, tokens.reasoning)


def grades(found: Iterable[Response]) -> list[str]:
    return sorted({one.quality.value for one in found})


def without_reasoning(calls: Iterable[int]) -> Parts:
    return truth(calls)._replace(reasoning=0)


def test_counters_that_begin_anew_and_counters_that_go_on() -> None:
    """One session under 1.0.60, 1.0.60, 1.0.80, 1.0.102, 1.0.60 and 1.0.102: sums and differences both."""
    found = counted("builds")
    assert total(found) == truth(range(33, 45))
    assert grades(found) == ["exact"]


@pytest.mark.parametrize(("build", "calls"), [("1.0.20", range(17, 21)), ("1.0.65", range(89, 93))])
def test_builds_whose_counters_begin_anew(build: str, calls: range) -> None:
    found = counted(f"resumed-{build}")
    expected = truth(calls)
    assert total(found)._replace(reasoning=expected.reasoning) == expected
    assert grades(found) == ["exact"]


@pytest.mark.parametrize(
    ("build", "whole", "cut"),
    [("1.0.60", (45, 46, 48, 49), 47), ("1.0.80", (50, 51, 53, 54), 52)],
)
def test_of_a_killed_process_messages_tell_the_output(build: str, whole: tuple[int, ...], cut: int) -> None:
    found = counted(f"killed-{build}")
    assert total(found) == truth(whole).plus(Parts(0, 0, 0, 100 + cut, 0))
    assert [one.tokens.parts() for one in found if one.quality != "exact"] == [(0, 0, 0, 0, 0, 100 + cut, 0)]
    assert grades(found) == ["exact", "lower_bound"]


def test_a_killed_process_that_told_nothing_is_known_to_have_served() -> None:
    found = counted("killed-1.0.92")
    assert total(found) == truth((55, 56, 58, 59))
    assert [one.tokens.total for one in found if one.quality == "lower_bound"] == [0]


def test_receipts_survive_a_kill() -> None:
    found = counted("killed-1.0.102")
    assert total(found) == truth(range(60, 65))
    assert grades(found) == ["exact"]
    assert sorted(one.calls for one in found if one.calls) == [(f"call_{n}",) for n in (60, 62, 63)]


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(
    ("build", "calls"), [("1.0.102", range(77, 81)), ("1.0.80", range(81, 85)), ("1.0.60", range(85, 89))]
)
def test_a_subagent_with_telemetry_and_without(build: str, calls: range, traced: bool) -> None:
    found = counted(*[f"subagent-{build}", f"subagent-{build}-otel"][: 1 + traced])
    main = [one for one in found if "/" not in one.session]
    own = [calls[0], calls[3]]
    assert grades(found) == ["exact"]
    if build == "1.0.102":
        compacted = Parts(600, 493, 0, 193, 0)
        assert total(main) == truth(own).plus(compacted)
        assert total(found) == truth(calls).plus(compacted)
        assert len(found) == 5
    else:
        assert total(found) == total(main) == truth(calls)


@pytest.mark.parametrize(
    ("build", "calls"), [("1.0.102", range(77, 81)), ("1.0.80", range(81, 85)), ("1.0.60", range(85, 89))]
)
def test_telemetry_alone(build: str, calls: range) -> None:
    found = counted(f"subagent-{build}-otel")
    assert total(found) == truth(calls)
    assert grades(found) == ["exact"]
    assert len({one.session for one in found}) == 1


def test_a_compaction_is_in_no_counter() -> None:
    assert total(counted("compacted-1.0.102")) == truth((94, 95, 97)).plus(without_reasoning([96]))


def test_a_compaction_of_an_early_build() -> None:
    found = counted("compacted-1.0.20")
    assert total(found) == without_reasoning((106, 107, 108, 109))
    assert grades(found) == ["exact"]


@pytest.mark.parametrize(("build", "calls"), [("1.0.102", (1, 2)), ("1.0.60", (5, 6))])
def test_cache_writes_are_within_the_input(build: str, calls: tuple[int, int]) -> None:
    """The answer number n of this model used 100+n of fresh input, 3000+n written and 500+n read; 70+n of output."""
    found = counted(f"caches-{build}")
    first, second = (Parts(100 + n, 500 + n, 3000 + n, 70 + n, 0) for n in calls)
    assert total(found) == first.plus(second)


@pytest.mark.parametrize(("build", "calls"), [("1.0.102", range(110, 116)), ("1.0.80", range(128, 132))])
def test_a_fork_has_what_it_served_itself(build: str, calls: range) -> None:
    found = counted(f"forked-{build}", f"fork-{build}")
    assert total(found) == truth(calls)
    assert grades(found) == ["exact"]
    assert found == counted(f"fork-{build}", f"forked-{build}")
    sessions = sorted({one.session.partition("/")[0] for one in found})
    shares = {session: total(one for one in found if one.session.startswith(session)) for session in sessions}
    assert truth([calls[-1]]) in shares.values()
    assert truth(calls[:-1]) in shares.values()


def test_a_fork_whose_parent_is_gone() -> None:
    found = counted("fork-1.0.102")
    assert total(found) == truth(range(110, 116))
    assert len({one.session.partition("/")[0] for one in found}) == 2
    assert grades(found) == ["exact"], "receipts name the session that was served"
    early = counted("fork-1.0.80")
    assert total(early) == truth((128, 129, 131)).plus(Parts(0, 0, 0, 230, 0))
    assert grades(early) == ["exact", "unverified"]
    assert len({one.session for one in early}) == 1
