"""Who is at work below a process, in made-up process tables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping

import msgspec

from history.fake import FakeReader
from tallybook.agents.offspring import AtWork, Family, Offspring
from tallybook.agents.processes import Process

MARK = ("TALLYBOOK_GOAL", "mine")


class Robot(FakeReader):
    """Its process is called robot, and its registry is a variable that holds the session."""

    agent = "robot"

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:
        return environ.get(f"session-{pid}-{started}")


class Table(msgspec.Struct):
    """Processes with all that can be seen of them."""

    processes: dict[int, Process] = msgspec.field(default_factory=dict)
    held: dict[int, tuple[str, ...]] = msgspec.field(default_factory=dict)
    places: dict[int, str] = msgspec.field(default_factory=dict)
    environs: dict[int, Mapping[str, str]] = msgspec.field(default_factory=dict)
    hidden: set[int] = msgspec.field(default_factory=set)

    def put(self, pid: int, parent: int, *argv: str, **environ: str) -> None:
        self.processes[pid] = Process(pid, parent, f"t{pid}", argv)
        if environ:
            self.environs[pid] = environ

    def pids(self) -> Iterable[int]:
        return list(self.processes)

    def process(self, pid: int) -> Process | None:
        return None if pid in self.hidden else self.processes.get(pid)

    def files(self, pid: int) -> tuple[str, ...]:
        return self.held.get(pid, ())

    def directory(self, pid: int) -> str | None:
        return self.places.get(pid)

    def environ(self, pid: int) -> Mapping[str, str] | None:
        return self.environs.get(pid)


def offspring(**environ: str) -> Offspring:
    return Offspring((Robot(),), Family(10, environ, MARK))


def test_agents_below_are_met_however_deep_and_others_are_not() -> None:
    table = Table()
    table.put(1, 0, "robot")
    table.put(10, 1, "sh")
    table.put(14, 13, "robot", "go")
    table.put(13, 12, "sh")
    table.put(12, 10, "make")
    table.put(20, 1, "robot")
    table.held = {14: ("/logs/one.jsonl", "/dev/null"), 20: ("/logs/other.jsonl",)}
    table.places = {14: "/work"}
    watched = offspring()
    assert watched.look(table)
    assert watched.seen == (AtWork("robot", "/work", [], {"/logs/one.jsonl"}),)
    assert not watched.look(table)
    assert watched.seen[0].evidence == 1


def test_the_command_itself_may_be_the_agent_and_becomes_one_by_exec() -> None:
    table = Table()
    table.put(10, 1, "sh")
    watched = offspring()
    assert not watched.look(table)
    table.put(10, 1, "robot")
    assert watched.look(table)
    assert [one.agent for one in watched.seen] == ["robot"]


def test_all_that_a_process_shows_over_time_stays_told() -> None:
    table = Table()
    table.put(10, 1, "robot", **{"session-10-t10": "first"})
    watched = offspring()
    assert watched.look(table)
    table.environs[10] = {"session-10-t10": "second"}
    table.held[10] = ("/logs/a.jsonl",)
    assert watched.look(table)
    table.environs[10] = {"session-10-t10": "first"}
    table.held[10] = ()
    assert not watched.look(table)
    del table.processes[10]
    assert not watched.look(table)
    assert watched.seen == (AtWork("robot", None, ["first", "second"], {"/logs/a.jsonl"}),)


def test_an_orphan_stays_known_and_an_id_that_is_used_again_does_not() -> None:
    table = Table()
    table.put(10, 1, "sh")
    table.put(11, 10, "sh")
    table.put(12, 11, "sh")
    watched = offspring()
    watched.look(table)
    del table.processes[11]
    table.put(12, 1, "robot")
    assert watched.look(table)
    del table.processes[12]
    watched.look(table)
    table.put(12, 1, "robot", "again")
    assert not watched.look(table)


def test_what_another_goal_watches_is_not_ours() -> None:
    table = Table()
    table.put(10, 1, "sh")
    table.put(11, 10, "robot", TALLYBOOK_GOAL="theirs")
    table.put(12, 10, "robot", TALLYBOOK_GOAL="mine")
    table.put(13, 10, "robot", OTHER="x")
    watched = offspring(**{"session-12-t12": "not asked", "session-14-t14": "asked"})
    watched.look(table)
    assert len(watched.seen) == 2
    table.put(14, 10, "robot")
    assert watched.look(table)
    assert [one.registered for one in watched.seen] == [[], [], ["asked"]]


def test_what_cannot_be_read_is_passed_over() -> None:
    table = Table(hidden={11})
    table.put(10, 1, "sh")
    table.put(11, 10, "robot")
    watched = offspring()
    assert not watched.look(table)
    table.hidden.clear()
    assert watched.look(table)


def test_this_machine_tells_of_a_child() -> None:
    command = ["bash", "-c", 'exec -a robot "$0" -c "print(flush=True); input()"', sys.executable]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        watched = Offspring((Robot(),), Family(os.getpid(), {}, MARK))
        watched.look()
        child.stdin.close()
    assert os.path.realpath(os.curdir) in {one.directory for one in watched.seen}
