"""Anything that git does to branches, work trees and clones: no event that was acknowledged is lost, no line conflicts.

The size comes from ``TALLYBOOK_TORTURE_EXAMPLES`` and ``TALLYBOOK_TORTURE_STEPS``; ``--hypothesis-seed`` repeats a run.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from commands.bench import Bench
from machine.clones import COPY, GIT_CONFIG, Clone, Tree, ids, template, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from commands.bench import Json
    from machine.clones import World

EXAMPLES: Final = int(os.environ.get("TALLYBOOK_TORTURE_EXAMPLES", "80"))
STEPS: Final = int(os.environ.get("TALLYBOOK_TORTURE_STEPS", "20"))
SHARDS: Final = 2
"""Tests that share the examples, so that two processors have something to do."""
NUMBER: Final = st.integers(0, 99)
"""Which of those that are there."""
MOST_CLONES: Final = 4
MOST_TREES: Final = 3
JOINED: Final = {"duplicate-line", "out-of-order"}
"""What the union of two copies of a forked file can be, which the home never is."""


class Repositories(RuleBasedStateMachine):
    """Two clones of one remote, and what becomes of them."""

    make: Callable[[], World]

    @initialize(branches=st.integers(1, 3))
    def begin(self, branches: int) -> None:
        """Each clone has published something on main and on some branches; ``old`` is from before all that."""
        self.world = type(self).make()
        for clone in self.world.clones:
            tree = clone.trees[0]
            tree.git("branch", "old")
            clone.branches.append("old")
            self.worked(tree)
            for _ in range(branches):
                self.forked_off(tree)

    def tree(self, number: int) -> Tree:
        return self.world.trees[number % len(self.world.trees)]

    def look(self, tree: Tree) -> None:
        """What must hold after every step."""
        assert tree.clone.acknowledged <= tree.clone.events()
        for name, data in tree.published.items():
            assert data.endswith(b"\n"), name
            assert len(ids(data)) == data.count(b"\n"), name
            assert b"<<<<" not in data, name

    def join(self, tree: Tree, *words: str, go_on: tuple[str, ...]) -> None:
        self.world.asked += tree.joined(*words, go_on=go_on)
        self.look(tree)

    # the ledger

    def begun(self, tree: Tree) -> None:
        """A new goal."""
        tree.lifecycle("start-task", "--title", self.world.name("Do"), "--kind", "product", "--untracked")
        self.look(tree)

    def worked(self, tree: Tree) -> None:
        """A new goal, and a commit that publishes it."""
        self.begun(tree)
        tree.write()
        tree.commit()
        self.look(tree)

    def forked_off(self, tree: Tree) -> None:
        """Work on a branch of its own."""
        tree.branch = self.world.name("branch")
        tree.clone.branches.append(tree.branch)
        tree.git("switch", "-q", "-c", tree.branch)
        self.worked(tree)

    @rule(number=NUMBER, which=NUMBER, what=st.sampled_from(("start", "mark", "continue", "finish")))
    def event(self, number: int, which: int, what: str) -> None:
        """That no commit carries yet."""
        tree = self.tree(number)
        goals = [goal["id"] for goal in tree.tally("show", "--json").json["goals"] if goal["status"] == "open"]
        if what == "start" or not goals:
            self.begun(tree)
            return
        goal = goals[which % len(goals)]
        self.world.late |= goal in self.world.closed
        self.world.closed |= {goal} if what == "finish" else set()
        words = {
            "mark": ("mark", "plan", "--goal", goal),
            "continue": ("continue-task", goal, "--failure-reason", "other"),
            "finish": ("finish-task", goal, "--status", "success"),
        }
        tree.lifecycle(*words[what])
        self.look(tree)

    @rule(number=NUMBER)
    def work(self, number: int) -> None:
        self.worked(self.tree(number))

    @rule(number=NUMBER)
    def branch(self, number: int) -> None:
        self.forked_off(self.tree(number))

    @rule(number=NUMBER)
    def sync(self, number: int) -> None:
        self.synced(self.tree(number))

    def brought_together(self, tree: Tree) -> None:
        """One sync: nothing goes away here, and no file is continued that others had more of."""
        own, writer = tree.clone.files, tree.clone.writer
        told = tree.tally("sync", "--json").json
        if writer is not None and tree.clone.files.get(f"{writer}.ndjson") != own.get(f"{writer}.ndjson"):
            assert told["minted"] not in {None, writer}  # whatever has come into its file, nothing is added behind it
            assert tree.clone.writer == told["minted"]
        for name, data in own.items():
            here = tree.clone.files[name]
            assert set(ids(data)) <= set(ids(here)), name

    def synced(self, tree: Tree) -> None:
        """Here and there are the same events then, and once more changes nothing."""
        self.brought_together(tree)
        assert {event for data in self.world.on_remote().values() for event in ids(data)} == tree.clone.events()
        again = tree.tally("sync", "--json").json
        assert (again["received"], again["sent"]) == (0, 0)
        self.look(tree)

    # commits and branches

    @rule(number=NUMBER)
    def amend(self, number: int) -> None:
        """But for the first commit: git merges no histories that have none in common."""
        tree = self.tree(number)
        if self.parents(tree, "HEAD"):
            tree.commit("--amend")
        self.look(tree)

    @rule(number=NUMBER, which=NUMBER, detach=st.booleans())
    def switch(self, number: int, which: int, detach: bool) -> None:
        """Never refused over the ledger."""
        tree = self.tree(number)
        if detach:
            tree.branch = None
            tree.git("switch", "-q", "--detach")
        elif tree.clone.free:
            tree.branch = tree.clone.free[which % len(tree.clone.free)]
            tree.git("switch", "-q", tree.branch)
        self.look(tree)

    @rule(number=NUMBER, which=NUMBER, how=st.sampled_from(("ff", "no-ff", "squash")))
    def merge(self, number: int, which: int, how: str) -> None:
        tree = self.tree(number)
        other = tree.clone.branches[which % len(tree.clone.branches)]
        if how != "squash":
            self.join(tree, "merge", "-q", f"--{how}", "--no-edit", other, go_on=("commit", "-q", "--no-edit"))
            return
        self.join(tree, "merge", "-q", "--squash", other, go_on=("status",))
        tree.commit(subject=f"Squash {other}")
        self.look(tree)

    @rule(number=NUMBER, which=NUMBER)
    def octopus(self, number: int, which: int) -> None:
        """Git's own strategy for many heads asks no merge driver: where it gives up, one after the other goes."""
        tree = self.tree(number)
        others = [branch for branch in tree.clone.branches if branch != tree.branch]
        if len(others) < 2:
            return
        start = which % len(others)
        chosen = (others[start:] + others[:start])[:3]
        before = tree.head()
        if tree.run("merge", "-q", "--no-edit", *chosen).returncode:
            tree.git("reset", "-q", "--hard", before)
            for other in chosen:
                self.join(tree, "merge", "-q", "--no-edit", other, go_on=("commit", "-q", "--no-edit"))
        self.look(tree)

    @rule(number=NUMBER, which=NUMBER, last=st.booleans())
    def rebase(self, number: int, which: int, last: bool) -> None:
        """All that is not there, or the last commit alone."""
        tree = self.tree(number)
        onto = tree.clone.branches[which % len(tree.clone.branches)]
        words = ("rebase", "-q", "--onto", onto, "HEAD~1") if last else ("rebase", "-q", onto)
        if self.parents(tree, "HEAD") == 1:
            self.join(tree, *words, go_on=("rebase", "--continue"))

    @rule(number=NUMBER, which=NUMBER)
    def cherry_pick(self, number: int, which: int) -> None:
        """Any commit that is not in this history."""
        tree = self.tree(number)
        found = tree.git("rev-list", "--no-merges", "--branches", "--remotes", "^HEAD").split()
        if found:
            self.join(
                tree, "cherry-pick", "--allow-empty", found[which % len(found)], go_on=("cherry-pick", "--continue")
            )

    @rule(number=NUMBER, which=NUMBER)
    def revert(self, number: int, which: int) -> None:
        """Any commit of this history."""
        tree = self.tree(number)
        found = tree.git("rev-list", "--no-merges", "HEAD").split()[:-2]
        if found:
            self.join(tree, "revert", "--no-edit", found[which % len(found)], go_on=("revert", "--continue"))

    @staticmethod
    def parents(tree: Tree, revision: str) -> int | None:
        """How many parents a commit has; None where there is no such commit."""
        done = tree.run("rev-list", "--parents", "-1", revision)
        return None if done.returncode else len(done.stdout.split()) - 1

    @rule(number=NUMBER, back=st.integers(0, 3), how=st.sampled_from(("hard", "soft", "mixed")))
    def reset(self, number: int, back: int, how: str) -> None:
        """Whatever is left in the work tree goes too."""
        tree = self.tree(number)
        if self.parents(tree, f"HEAD~{back}") is not None:
            tree.git("reset", "-q", f"--{how}", f"HEAD~{back}")
            tree.git("reset", "-q", "--hard")
            tree.git("clean", "-fdxq")
        self.look(tree)

    @rule(number=NUMBER, which=NUMBER)
    def stash(self, number: int, which: int) -> None:
        """With a copy that is staged already; it comes back on another branch."""
        tree = self.tree(number)
        tree.write()
        tree.tally("hook", "pre-commit")
        tree.git("stash", "push", "-q", "--include-untracked")
        if tree.clone.free:
            tree.branch = tree.clone.free[which % len(tree.clone.free)]
            tree.git("switch", "-q", tree.branch)
        self.join(tree, "stash", "pop", "-q", go_on=("stash", "drop", "-q"))
        tree.commit()
        self.look(tree)

    # clones

    @rule(number=NUMBER)
    def linked(self, number: int) -> None:
        clone = self.tree(number).clone
        if len(clone.trees) < MOST_TREES:
            branch, path = self.world.name("branch"), self.world.place / self.world.name("linked")
            clone.trees[0].git("worktree", "add", "-q", "-b", branch, str(path))
            clone.branches.append(branch)
            clone.trees.append(Tree(clone, path, branch))

    @precondition(lambda self: len(self.world.clones) < MOST_CLONES)
    @rule()
    def clone(self) -> None:
        path = self.world.place / self.world.name("clone")
        self.world.trees[0].git("clone", "-q", "../office.git", str(path))
        new = Clone(self.world, path, ["main"])
        new.trees[0].git("remote", "set-url", "origin", "../office.git")
        self.world.add(new)

    @precondition(lambda self: len(self.world.clones) < MOST_CLONES)
    @rule(number=NUMBER)
    def copy(self, number: int) -> None:
        """A directory that is copied with all that is in it is a clone of its own."""
        old = self.tree(number).clone
        path = self.world.place / self.world.name("copy")
        shutil.copytree(old.path, path, symlinks=True)
        shutil.rmtree(path / ".git" / "worktrees", ignore_errors=True)
        new = Clone(self.world, path, list(old.branches))
        new.trees[0].branch = old.trees[0].branch
        new.acknowledged = set(old.acknowledged)
        self.world.add(new)

    @rule(number=NUMBER, synced=st.booleans(), carried=st.booleans(), goes_on=st.booleans())
    def set_back(self, number: int, synced: bool, carried: bool, goes_on: bool) -> None:
        """A backup comes back in place: what is nowhere else is lost by this, and nothing more.

        The copy in the work tree tells of it at once; without that a fork can't be known before the next sync.
        """
        tree = self.tree(number)
        clone = tree.clone
        backup = {path.name: path.read_bytes() for path in clone.home.iterdir()} if clone.home.is_dir() else {}
        self.begun(tree)
        if carried:
            tree.commit()
        if synced:
            self.synced(tree)
        for path in clone.home.iterdir():
            path.unlink()
        for name, data in backup.items():
            (clone.home / name).write_bytes(data)
        clone.acknowledged &= clone.events()
        self.world.acknowledged &= self.world.everywhere()
        if goes_on:
            self.begun(tree)
        self.world.forked |= (carried or synced) and not (carried and goes_on)
        assert "chain-fork" not in self.complaints(tree) or self.world.forked

    @rule(number=NUMBER, other=NUMBER, back=st.booleans())
    def carry(self, number: int, other: int, back: bool) -> None:
        """What one has committed comes into another clone by a push and a merge, and perhaps the other way too."""
        one, two = self.tree(number), self.tree(other)
        for here, there in ((one, two), (two, one))[: 1 + back]:
            name = self.world.name("pushed")
            here.git("push", "-q", "origin", f"HEAD:refs/heads/{name}")
            there.git("fetch", "-q", "origin", f"+refs/heads/{name}:refs/remotes/origin/{name}")
            self.join(there, "merge", "-q", "--no-edit", f"origin/{name}", go_on=("commit", "-q", "--no-edit"))

    # what must be so at the end

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for clone in self.world.clones:
            self.both_ways(clone)
        for tree in [*self.world.trees, *(clone.trees[0] for clone in self.world.clones)]:
            self.brought_together(tree)
        first, *others = self.world.clones
        assert all(clone.files == first.files for clone in others)
        assert self.world.acknowledged <= first.events() <= self.world.written
        shown = [without_place(tree.tally("show", "--json").json) for tree in self.world.trees]
        assert all(one == shown[0] for one in shown)
        complaints = self.complaints(first.trees[0])
        assert "chain-fork" not in complaints or self.world.forked
        assert "goal-unknown" not in complaints or self.world.acknowledged < self.world.written
        shutil.rmtree(self.world.place)

    def complaints(self, tree: Tree) -> set[str]:
        """What `verify` finds: a fork at most, or work at a goal that is closed, or whose copy is not checked out."""
        said = self.world.bench.tally("verify", "--json", cwd=tree.path)
        problems = said.json["problems"]
        codes = {problem["code"] for problem in problems}
        known = {"chain-fork", "goal-unknown"} | ({"goal-closed", "goal-finished-twice"} if self.world.late else set())
        if self.world.forked:  # git puts the lines of one copy of such a file behind the other's
            known |= {problem["code"] for problem in problems if problem["code"] in JOINED and is_copy(problem)}
        assert codes <= known, problems
        assert said.code == bool(codes)
        return codes

    def both_ways(self, clone: Clone) -> None:
        """Two branches merged in either direction carry the same events."""
        tree = clone.trees[0]
        one, two = (clone.branches * 2)[-2:]
        found = []
        for target, other in ((one, two), (two, one)):
            tree.git("switch", "-q", "--detach", target)
            self.join(tree, "merge", "-q", "--no-edit", other, go_on=("commit", "-q", "--no-edit"))
            found.append({name: set(data.splitlines()) for name, data in tree.published.items()})
        assert found[0] == found[1]


def is_copy(problem: Json) -> bool:
    """Whether it is in a file that is published, and not in the ledger itself."""
    return f"/{COPY}/" in str(problem["where"]["file"])


def without_place(shown: Json) -> Json:
    """What is the same wherever one stands."""
    return {name: value for name, value in shown.items() if name != "workflow"}


@pytest.mark.parametrize("shard", range(SHARDS))
def test_whatever_git_does(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, shard: int
) -> None:
    """Branches, merges, octopuses, squashes, rebases, picks, reverts, resets, stashes, worktrees, clones, copies."""
    (tmp_path / "gitconfig").write_text(GIT_CONFIG)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    bench = Bench(tmp_path, home, monkeypatch)
    source = tmp_path / "template"
    template(bench, source)
    numbers = iter(range(1_000_000))

    def make() -> World:
        place = tmp_path / str(next(numbers))
        monkeypatch.setenv("TALLYBOOK_HOME", str(place / "data"))
        return world(bench, source, place)

    class Here(Repositories):
        pass

    Here.__name__ = f"Shard{shard}"
    Here.make = staticmethod(make)
    chosen = request.config.getoption("--hypothesis-seed")
    if chosen is not None or settings().derandomize:
        seed(f"{chosen}.{shard}")(Here)
    examples = EXAMPLES // SHARDS + (shard < EXAMPLES % SHARDS)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=max(examples, 1),
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
