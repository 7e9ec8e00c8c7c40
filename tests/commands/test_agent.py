"""`tally agent`: everything is put in its place once, and taken away without trace."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from commands.bench import tree
from tallybook.usecases.agent_setup.texts import instructions, skill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from commands.bench import Bench, Json

AGENTS = ("claude", "codex")
SCOPES = ("project", "user")
SETTINGS = {"claude": "settings.json", "codex": "hooks.json"}
INSTRUCTIONS = {"claude": "CLAUDE.md", "codex": "AGENTS.md"}
EVENTS = {"claude": ["SessionStart", "SessionEnd"], "codex": ["SessionStart", "Stop", "SessionEnd"]}
every_kind = pytest.mark.parametrize(("agent", "scope"), [(agent, scope) for agent in AGENTS for scope in SCOPES])


def words(verb: str, agent: str, scope: str) -> list[str]:
    return ["agent", verb, agent, *(["--user"] if scope == "user" else [])]


def own(bench: Bench, agent: str, scope: str) -> Path:
    """The agent's directory."""
    return (bench.repo if scope == "project" else bench.home) / f".{agent}"


def files(bench: Bench, agent: str, scope: str) -> dict[str, Path]:
    place = own(bench, agent, scope)
    return {
        "hooks": place / SETTINGS[agent],
        "skill": place / "skills/tallybook/SKILL.md",
        "instructions": (bench.repo if scope == "project" else place) / INSTRUCTIONS[agent],
    }


def content(bench: Bench) -> dict[str, bytes | None]:
    """Every file and directory, without times."""
    return {path: data for path, (_, _, data) in tree(bench.repo, bench.home).items()}


def actions(document: Json) -> dict[str, str]:
    assert document["schema"] == "tallybook.agent/1"
    return {part["part"]: part["action"] for part in document["parts"]}


@every_kind
def test_installed_twice_is_installed_once_and_goes_without_trace(bench: Bench, agent: str, scope: str) -> None:
    before = content(bench)
    dry = bench.ok(*words("install", agent, scope), "--dry-run", "--json").json
    assert content(bench) == before
    done = bench.ok(*words("install", agent, scope), "--json").json
    places = files(bench, agent, scope)
    assert (
        done["parts"]
        == dry["parts"]
        == [
            {"agent": agent, "scope": scope, "part": part, "action": "created", "path": str(path)}
            for part, path in places.items()
        ]
    )
    assert (dry["dry_run"], done["dry_run"]) == (True, False)
    hooks = json.loads(places["hooks"].read_text())["hooks"]
    assert list(hooks) == EVENTS[agent]
    for event, groups in hooks.items():
        ((handler,),) = [group["hooks"] for group in groups]
        verb = "session-start" if event == "SessionStart" else "session-end"
        assert handler["type"] == "command"
        assert handler["command"].endswith(f" {verb} {agent}")
        assert 0 < handler["timeout"] <= 30
    assert places["skill"].read_text() == skill()
    assert instructions().strip() in places["instructions"].read_text()

    once = tree(bench.repo, bench.home)
    assert set(actions(bench.ok(*words("install", agent, scope), "--json").json).values()) == {"unchanged"}
    assert tree(bench.repo, bench.home) == once
    dry = bench.ok(*words("uninstall", agent, scope), "--dry-run", "--json").json
    assert tree(bench.repo, bench.home) == once
    done = bench.ok(*words("uninstall", agent, scope), "--json").json
    assert actions(done) == actions(dry) == dict.fromkeys(places, "removed")
    assert content(bench) == before
    assert set(actions(bench.ok(*words("uninstall", agent, scope), "--json").json).values()) == {"absent"}
    assert content(bench) == before


@every_kind
def test_files_of_others_get_their_bytes_back(bench: Bench, agent: str, scope: str) -> None:
    places = files(bench, agent, scope)
    places["hooks"].parent.mkdir(parents=True)
    hooks = b'{"Stop": [], "SessionStart": [ {"hooks":[7]} ]}'
    theirs = b'{\r\n\t"z": 1.50,\r\n\t"hooks": ' + hooks + b',\r\n\t"a": "\\u00e4\xc3\xa4" }'
    places["hooks"].write_bytes(theirs)
    places["hooks"].chmod(0o640)
    places["instructions"].write_bytes(b"# Mine\r\n\r\nBe kind.")
    other = own(bench, agent, scope) / "skills" / "other" / "SKILL.md"
    other.parent.mkdir(parents=True)
    other.write_text("theirs")
    before = content(bench)
    said = bench.ok(*words("install", agent, scope), "--json").json
    assert actions(said) == {"hooks": "changed", "skill": "created", "instructions": "changed"}
    settings = json.loads(places["hooks"].read_text())
    assert list(settings) == ["z", "hooks", "a"]
    assert settings["hooks"]["SessionStart"][0] == {"hooks": [7]}
    assert places["hooks"].stat().st_mode & 0o777 == 0o640
    text = places["instructions"].read_bytes()
    assert text.startswith(b"# Mine\r\n\r\nBe kind.\r\n\r\n<!-- tallybook: begin")
    assert text.count(b"\n") == text.count(b"\r\n")
    said = bench.ok(*words("uninstall", agent, scope), "--json").json
    assert actions(said) == {"hooks": "changed", "skill": "removed", "instructions": "changed"}
    assert content(bench) == before


def test_directories_that_were_there_and_empty_stay(bench: Bench) -> None:
    (bench.repo / ".claude/skills/tallybook").mkdir(parents=True)
    (bench.repo / ".codex").mkdir()
    before = content(bench)
    for agent in AGENTS:
        bench.ok("agent", "install", agent)
    bench.ok("agent", "uninstall", "claude")
    bench.ok("agent", "uninstall", "codex")
    data = str(bench.data)
    assert {path: it for path, it in content(bench).items() if path != data} == before
    assert list(bench.data.iterdir()) == []


def test_a_directory_in_which_somebody_else_put_something_stays(bench: Bench) -> None:
    bench.ok("agent", "install", "claude")
    (bench.repo / ".claude/notes.txt").write_text("mine")
    bench.ok("agent", "uninstall", "claude")
    assert sorted(path.name for path in bench.repo.rglob("*") if ".git" not in path.parts) == [
        ".claude",
        "README.md",
        "notes.txt",
    ]


@pytest.mark.parametrize("text", ["", "{]", '{"hooks": 1}', '{"a": 1, "a": 2}', "\x00"])
@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_settings_that_are_not_understood_are_never_written(bench: Bench, verb: str, text: str) -> None:
    place = bench.repo / ".claude/settings.json"
    place.parent.mkdir()
    place.write_text(text)
    before = tree(bench.repo, bench.home)
    said = bench.tally("agent", verb, "claude", "--json")
    assert (said.code, said.error) == (1, "settings-unreadable")
    assert said.json["error"]["message"].startswith(f"{place}: it")
    assert said.json["error"]["hint"]
    assert tree(bench.repo, bench.home) == before


def test_odd_files_are_refused_before_anything_is_written(bench: Bench) -> None:
    place = bench.repo / "AGENTS.md"
    for make in (place.mkdir, lambda: os.mkfifo(place), lambda: place.write_bytes(b"ok \xff"), _huge(place)):
        make()
        before = tree(bench.repo / ".git", bench.home)
        for verb in ("install", "uninstall"):
            said = bench.tally("agent", verb, "codex", "--json")
            assert (said.code, said.error) == (1, "odd-file")
            assert str(place) in said.json["error"]["message"]
        assert tree(bench.repo / ".git", bench.home) == before
        assert not (bench.repo / ".codex").exists()
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink()


def _huge(place: Path) -> Callable[[], None]:
    def make() -> None:
        with place.open("wb") as target:
            target.truncate((16 << 20) + 1)

    return make


def test_links_stay_links(bench: Bench, tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "settings.json").write_text("{}\n")
    (bench.repo / ".claude").mkdir()
    (bench.repo / ".claude/settings.json").symlink_to(dotfiles / "settings.json")
    (bench.repo / "CLAUDE.md").symlink_to(dotfiles / "made.md")
    bench.ok("agent", "install", "claude")
    assert (bench.repo / ".claude/settings.json").is_symlink()
    assert "session-start" in (dotfiles / "settings.json").read_text()
    assert "tallybook" in (dotfiles / "made.md").read_text()
    bench.ok("agent", "uninstall", "claude")
    assert (dotfiles / "settings.json").read_text() == "{}\n"
    assert (bench.repo / "CLAUDE.md").is_symlink()
    assert not (dotfiles / "made.md").exists()


def test_a_skill_of_somebody_else_is_left_alone(bench: Bench) -> None:
    place = bench.repo / ".claude/skills/tallybook/SKILL.md"
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    assert actions(bench.ok("agent", "install", "claude", "--json").json)["skill"] == "foreign"
    assert actions(bench.ok("agent", "uninstall", "claude", "--json").json)["skill"] == "foreign"
    assert place.read_text() == "mine"


def test_what_is_out_of_date_is_brought_up_to_date_in_its_place(bench: Bench) -> None:
    bench.ok("agent", "install", "codex")
    places = files(bench, "codex", "project")
    fresh = {part: path.read_text() for part, path in places.items()}
    places["hooks"].write_text(re.sub(r"/\S*/python\S*", "/gone/python", fresh["hooks"]))
    places["skill"].write_text(fresh["skill"] + "more\n")
    places["instructions"].write_text("mine\n" + fresh["instructions"].replace("Book", "Books") + "mine too\n")
    assert status(bench)["codex", "project"] == ["outdated"] * 3
    done = bench.ok("agent", "install", "codex", "--json").json
    assert set(actions(done).values()) == {"changed"}
    assert {part: path.read_text() for part, path in places.items()} == {
        **fresh,
        "instructions": "mine\n" + fresh["instructions"] + "mine too\n",
    }


def status(bench: Bench) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for part in bench.ok("agent", "status", "--json").json["parts"]:
        found.setdefault((part["agent"], part["scope"]), []).append(part["action"])
    return found


def test_status_tells_of_every_place(bench: Bench) -> None:
    assert status(bench) == {(agent, scope): ["absent"] * 3 for agent in AGENTS for scope in SCOPES}
    bench.ok("agent", "install", "claude")
    bench.ok("agent", "install", "codex", "--user")
    (bench.home / ".claude").mkdir()
    (bench.home / ".claude/settings.json").write_text("{")
    (bench.home / ".claude/CLAUDE.md").write_bytes(b"\xff")
    (bench.repo / ".codex/skills/tallybook").mkdir(parents=True)
    (bench.repo / ".codex/skills/tallybook/SKILL.md").write_text("mine")
    assert status(bench) == {
        ("claude", "project"): ["installed"] * 3,
        ("claude", "user"): ["unreadable", "absent", "unreadable"],
        ("codex", "project"): ["absent", "foreign", "absent"],
        ("codex", "user"): ["installed"] * 3,
    }
    (bench.home / ".claude/settings.json").unlink()
    (bench.home / ".claude/settings.json").symlink_to("settings.json")
    assert status(bench)["claude", "user"][0] == "unreadable"
    lines = bench.ok("agent", "status").out.splitlines()
    assert len(lines) == 12
    assert lines[0].split() == ["claude", "project", "hooks", "installed", str(bench.repo / ".claude/settings.json")]


def test_outside_of_a_repository_the_user_scope_alone_is_left(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    bench.go(outside)
    for verb in ("install", "uninstall"):
        said = bench.tally("agent", verb, "claude", "--json")
        assert (said.code, said.error) == (1, "no-work-tree")
        assert "--user" in said.json["error"]["hint"]
    assert set(status(bench)) == {("claude", "user"), ("codex", "user")}
    bench.ok("agent", "install", "claude", "--user")
    assert list(outside.iterdir()) == []


def test_from_below_and_from_another_worktree_the_top_level_is_meant(bench: Bench, tmp_path: Path) -> None:
    below = bench.repo / "a" / "b"
    below.mkdir(parents=True)
    bench.ok("agent", "install", "claude", cwd=below)
    assert (bench.repo / ".claude/settings.json").is_file()
    bench.git("worktree", "add", "-q", str(tmp_path / "second"))
    bench.ok("agent", "install", "codex", cwd=tmp_path / "second")
    assert (tmp_path / "second/.codex/hooks.json").is_file()
    assert not (bench.repo / ".codex").exists()


def test_the_agents_own_variables_name_its_configuration(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.ok("agent", "install", "claude", "--user", CLAUDE_CONFIG_DIR=f"{tmp_path}/one, {tmp_path}/two")
    assert (tmp_path / "one/settings.json").is_file()
    bench.ok("agent", "install", "codex", "--user", CODEX_HOME="~/codex")
    assert (bench.home / "codex/hooks.json").is_file()
    bench.ok("agent", "install", "codex", "--user", CODEX_HOME="")
    assert (bench.home / ".codex/hooks.json").is_file()
    for name in ("HOME", "CODEX_HOME"):
        monkeypatch.delenv(name)
    said = bench.tally("agent", "install", "codex", "--user", "--json")
    assert (said.code, said.error) == (1, "no-home")


def test_places_that_can_not_be_written_are_told(bench: Bench) -> None:
    (bench.repo / ".claude").write_text("a file")
    said = bench.tally("agent", "install", "claude", "--json")
    assert (said.code, said.error) == (1, "system")
    assert str(bench.repo / ".claude") in said.json["error"]["message"]
    assert not (bench.repo / "CLAUDE.md").exists()


def test_notes_on_directories_that_are_damaged_say_nothing(bench: Bench) -> None:
    bench.data.mkdir()
    for text in ("{", "{}", "[1]", "[" * 9999):
        (bench.data / "agent-directories.json").write_text(text)
        bench.ok("agent", "install", "claude")
        bench.ok("agent", "uninstall", "claude")
        assert not (bench.repo / ".claude").exists()


def test_other_agents_are_a_usage_error(bench: Bench) -> None:
    assert bench.tally("agent", "install", "gemini").code == 2
    assert bench.tally("agent", "install").code == 2
    assert bench.tally("agent").code == 2


@every_kind
def test_what_is_left_to_do_is_said_aside(bench: Bench, agent: str, scope: str) -> None:
    said = bench.ok(*words("install", agent, scope))
    assert said.err.strip()
    assert ("/hooks" in said.err) == (agent == "codex")
    assert bench.ok(*words("install", agent, scope), "--json").json["note"] == said.err.strip()
    assert bench.ok(*words("uninstall", agent, scope), "--json").json["note"] is None


def test_the_commands_of_the_skill_do_what_it_says(bench: Bench) -> None:
    blocks = re.findall(r"(?ms)^```\n(.*?)^```", skill())
    starts, *rest = [shlex.split(line)[1:] for line in blocks[0].splitlines()]
    for story in (rest, [shlex.split(line)[1:] for line in blocks[1].splitlines()]):
        goal = bench.ok(*starts).out.strip()
        for line in story:
            bench.ok(*(goal if word == "GOAL" else word for word in line))
        assert bench.shown(goal)["status"] in {"success", "fail"}
    inline = re.findall(r"`(tally (?:start|mark|finish)[^`]*)`", instructions())
    goal = bench.ok(*shlex.split(inline[0])[1:]).out.strip()
    for line in inline[1:]:
        bench.ok(*(goal if word == "GOAL" else word for word in shlex.split(line)[1:]))
    assert bench.shown(goal)["result_fit"] == "exact_fit"
