"""P10: every question of `cost` in a repository of two thousand commits, with five hundred goals and the history of
`questions.py`, a tenth of which was used there without a goal.

In process, as the command asks; what git takes is a part of it. Modules are loaded before the clock runs. The rows must
add up to what is known of the history.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.processes import environment
from bench.questions import BEGIN, NINETY_FIVE, RESPONSES, ROUNDS, YEAR, filled, settle
from bench.running import place_in
from bench.synthetic import write_ledger
from bench.table import Row

from tallybook.clock import SystemClock, SystemIds
from tallybook.domain.problems import Refusal
from tallybook.history.store import open_store
from tallybook.usecases.cost import By, costs
from tallybook.usecases.workspace import Surroundings, workspace_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.running import Place

    from tallybook.usecases.workspace import Workspace

GOALS: Final = 500
COMMITS: Final = 2_000
BRANCHES: Final = 50
"""Named as those of the history."""
MOST: Final = 0.100
_STEP: Final = YEAR // 1_000_000 // COMMITS
_MERGED: Final = 20


def rows() -> list[Row]:
    """Each question by itself."""
    with tempfile.TemporaryDirectory() as directory:
        place = place_in(Path(directory))
        _make_repository(place)
        workspace = workspace_at(Surroundings(environment(place.home), place.repository, SystemClock(), SystemIds()))
        with open_store(workspace.data) as store:
            history = filled(store, str(place.repository))
        goals = write_ledger(place.events, GOALS, 10).totals
        settle()
        whole = history.total() + sum(goals.values())  # of sessions that this history does not know
        times = {by: _p95(workspace, by, whole) for by in By}
    what = f"on {RESPONSES:,} responses, {GOALS} goals, {COMMITS:,} commits, in process, p95"
    limit = f"<= {MOST * 1000:g} ms"
    return [
        Row("P10", f"cost --by {by} {what}", seconds * 1000, "ms", "", None, limit, seconds <= MOST)
        for by, seconds in times.items()
    ]


def _p95(workspace: Workspace, by: By, total: int) -> float:
    times = []
    costs(workspace, by)
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        found = costs(workspace, by)
        times.append(time.perf_counter() - begin)
        if isinstance(found, Refusal) or found.measure.tokens is None or found.measure.tokens.total != total:
            message = f"cost --by {by} does not add up to all that was used"
            raise AssertionError(message)
    return sorted(times)[NINETY_FIVE - 1]


def _make_repository(place: Place) -> None:
    """Two thousand commits over the year on fifty branches, of which every twentieth is merged by a pull request."""
    stream = "".join(_commits())
    for arguments in (("fast-import", "--quiet"), ("checkout", "--quiet", "--force", "main")):
        subprocess.run(["git", *arguments], cwd=place.repository, input=stream.encode(), check=True)
    subprocess.run(["git", "config", "user.email", "me@example.com"], cwd=place.repository, check=True)


def _commits() -> Iterator[str]:
    """As ``git fast-import`` takes them, each with its number as its mark."""
    chance = random.Random(3)
    tips = {"main": 1}
    yield _commit(1, "main", "Begin", [])
    for number in range(2, COMMITS + 1):
        branch, target = f"b{chance.randrange(BRANCHES)}", "main"
        if number % _MERGED == 0 and branch in tips:
            yield _commit(
                number, target, f"Merge pull request #{number} from me/{branch}", [tips["main"], tips[branch]]
            )
        else:
            target = branch
            yield _commit(number, target, f"Change {number}", [tips.get(branch, tips["main"])])
        tips[target] = number


def _commit(number: int, branch: str, said: str, parents: list[int]) -> str:
    who = f"me <me@example.com> {BEGIN // 1_000_000 + number * _STEP} +0000"
    lines = [f"commit refs/heads/{branch}", f"mark :{number}", f"author {who}", f"committer {who}"]
    lines += [f"data {len(said)}", said]
    lines += [f"{word} :{parent}" for word, parent in zip(("from", "merge"), parents, strict=False)]
    return "\n".join([*lines, f"M 100644 inline f{number}", "data 0", "", ""])
