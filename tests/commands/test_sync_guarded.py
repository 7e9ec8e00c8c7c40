"""What may stand on a remote, in the settings of a repository and in the environment, and is not followed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from commands.clones import REF, git, put, tip
from tallybook.ledger import absorb
from tallybook.ledger.merging import Sifted, sift
from tallybook.repo.git import GitFault
from tallybook.repo.shared_ref import SharedRef
from tallybook.usecases import far_ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from commands.clones import Clone


def test_what_does_not_belong_there_is_left_alone(clone: Callable[..., Clone], remote: Path) -> None:
    """Other names, links, submodules: told of, never written here, and still there afterwards."""
    one = clone("one")
    one.start("mine")
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=remote, input=b"/etc/passwd", capture_output=True, check=True
    ).stdout.decode().strip()  # fmt: skip
    strange = f"120000 blob {blob}\tw-00000001.ndjson\n160000 commit {'1' * 40}\tw-00000002.ndjson\n"
    put(remote, {"README": b"hello", "..ndjson": b"x", "w-ABCDEF01.ndjson": b"x"}, more=strange)
    told = one.sync()
    assert {problem["code"] for problem in told["problems"]} == {"sync-stranger"}
    assert len(told["problems"]) == 5
    assert (told["sent"], len(one.files)) == (2, 1)
    assert {"README", "w-00000001.ndjson"} < set(git("ls-tree", "--name-only", REF, cwd=remote).split())


@pytest.mark.parametrize("junk", [b"\n" * 2_000_000, b"x\n" * 1_000_000], ids=["empty", "short"])
def test_lines_that_no_ledger_has_cost_nothing(
    clone: Callable[..., Clone], remote: Path, monkeypatch: pytest.MonkeyPatch, junk: bytes
) -> None:
    """Not one of them is looked at, the file stays as it is, and all other files are taken."""
    one, two = clone("one"), clone("two")
    one.start("mine"), two.start("theirs")
    two.sync()
    theirs = {f"{writer}.ndjson": data for writer, data in two.files.items()}
    put(remote, {"w-00000001.ndjson": junk, **theirs})
    looked: list[int] = []

    def counted(data: bytes, writer: str, before: bytes = b"", *, most: int | None = None) -> Sifted:
        looked.append(len(data))
        return sift(data, writer, before, most=most)

    monkeypatch.setattr(absorb, "sift", counted)
    told = one.sync()
    assert [problem["code"] for problem in told["problems"]] == ["sync-no-ledger"]
    assert (told["received"], told["sent"], len(one.files)) == (2, 2, 2)
    assert sum(looked) < 100_000
    assert "w-00000001.ndjson" in git("ls-tree", "--name-only", REF, cwd=remote).split()


def test_a_file_of_this_clone_that_was_made_junk_stays_junk(clone: Callable[..., Clone], remote: Path) -> None:
    """Nothing is lost here, and it is told; whoever takes the file away there gets the events again."""
    one = clone("one")
    one.start("mine")
    (writer,) = one.files
    put(remote, {f"{writer}.ndjson": b"\n" * 10_000})
    told = one.sync()
    assert (told["sent"], [problem["code"] for problem in told["problems"]]) == (0, ["sync-no-ledger"])
    put(remote, {})
    assert one.sync()["sent"] == 2


def test_files_that_are_too_large_are_not_read(
    clone: Callable[..., Clone], remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small ones come first, so that nobody can crowd them out."""
    one, two = clone("one"), clone("two")
    two.start("theirs")
    two.sync()
    theirs = {f"{writer}.ndjson": data for writer, data in two.files.items()}
    size = sum(map(len, theirs.values()))
    put(remote, {"w-00000000.ndjson": b"x" * 9 * size, **theirs})
    monkeypatch.setattr(far_ledger, "LARGEST", size + 1)
    asked: list[int] = []
    contents = SharedRef.contents

    def counted(shared: SharedRef, blobs: list[str]) -> GitFault | list[bytes]:
        asked.append(len(blobs))
        return contents(shared, blobs)

    monkeypatch.setattr(SharedRef, "contents", counted)
    told = one.sync()
    assert (told["received"], asked) == (2, [1])
    (problem,) = told["problems"]
    assert (problem["code"], problem["where"]["file"]) == ("sync-no-ledger", f"{REF}:w-00000000.ndjson")
    assert f"{9 * size:,} bytes" in problem["message"]


def test_of_many_bad_lines_some_are_told(clone: Callable[..., Clone], remote: Path) -> None:
    """However many there are, the good one among them is taken."""
    one, two = clone("one"), clone("two")
    two.start("theirs")
    (writer,) = two.files
    good = two.files[writer]
    put(remote, {f"{writer}.ndjson": b"junk\n" * 400 + good})
    told = one.sync()
    assert (told["received"], len(told["problems"])) == (2, absorb.MOST_BAD)
    assert one.files[writer] == good


@pytest.mark.parametrize("how", ["sizes", "contents"])
def test_a_file_that_the_remote_names_and_has_not(
    clone: Callable[..., Clone], remote: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Git says so, and nothing is taken."""
    one = clone("one")
    put(remote, {"w-00000001.ndjson": b"x\n"})
    batch = SharedRef._batch

    def missing(shared: SharedRef, option: str, blobs: list[str]) -> bytes | GitFault:
        wanted = {"sizes": "--batch-check", "contents": "--batch"}[how]
        return batch(shared, option, ["0" * 40] if option == wanted else blobs)

    monkeypatch.setattr(SharedRef, "_batch", missing)
    said = one.tally("sync", "--json")
    assert (said.code, said.error) == (1, "sync-failed")
    assert one.files == {}


@pytest.mark.parametrize("how", ["sizes", "contents"])
def test_git_that_fails_in_between(
    clone: Callable[..., Clone], remote: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """It is the refusal of the whole sync."""
    one = clone("one")
    put(remote, {"w-00000001.ndjson": b"x\n"})
    batch = SharedRef._batch

    def failing(shared: SharedRef, option: str, blobs: list[str]) -> bytes | GitFault:
        wanted = {"sizes": "--batch-check", "contents": "--batch"}[how]
        return GitFault("timeout", "git was too slow") if option == wanted else batch(shared, option, blobs)

    monkeypatch.setattr(SharedRef, "_batch", failing)
    said = one.tally("sync", "--json")
    assert (said.code, said.error) == (1, "sync-failed")
    assert "too slow" in said.err


def test_a_branch_of_the_work_never_carries_the_ledger(clone: Callable[..., Clone], remote: Path) -> None:
    """Not by the settings and not by the option."""
    one = clone("one")
    one.start("mine")
    before = tip(remote, "refs/heads/main")
    said = one.tally("sync", "--json", "--ref", "refs/heads/main")
    assert (said.code, said.error) == (1, "sync-ref-taken")
    assert tip(remote, "refs/heads/main") == before


def settle(one: Clone, lines: str) -> None:
    """Settings as they come with a repository."""
    (one.path / "config").mkdir(exist_ok=True)
    (one.path / "config" / "tallybook.toml").write_text(f"[ledger]\nsync = true\n{lines}\n")


@pytest.mark.parametrize("place", ["https://ada:secret@evil.example/x.git", "{elsewhere}", "ext::sh -c touch% x"])
def test_settings_name_a_remote_that_the_user_has(clone: Callable[..., Clone], tmp_path: Path, place: str) -> None:
    """And no place of their own: who writes them could let the ledgers of others come there."""
    one = clone("one")
    one.start("mine")
    elsewhere = tmp_path / "elsewhere.git"
    git("init", "-q", "--bare", str(elsewhere), cwd=tmp_path)
    settle(one, f'sync_remote = "{place.format(elsewhere=elsewhere)}"')
    said = one.tally("sync", "--json")
    assert (said.code, said.error) == (1, "unknown-remote")
    assert "secret" not in said.out + said.err
    assert tip(elsewhere) is None
    git("remote", "add", "there", str(elsewhere), cwd=one.path)
    settle(one, 'sync_remote = "there"')
    assert one.sync()["remote"] == "there"


@pytest.mark.parametrize(
    ("lines", "carried"),
    [("", {"origin"}), ('sync_remote = "other"', {"other"}), ('sync_ref = "refs/heads/ledger"', {"origin"})],
)
def test_a_push_elsewhere_takes_nothing_along(
    clone: Callable[..., Clone], remote: Path, tmp_path: Path, lines: str, carried: set[str]
) -> None:
    """The ledger goes to the one remote that carries it, when something is pushed there."""
    one = clone("one")
    other = tmp_path / "other.git"
    git("init", "-q", "--bare", str(other), cwd=tmp_path)
    git("remote", "add", "other", str(other), cwd=one.path)
    settle(one, lines)
    ref = lines.partition('sync_ref = "')[2].rstrip('"') or REF
    one.start("mine")
    places = {"origin": remote, "other": other}
    for name in sorted(places.keys() - carried):
        one.ok("hook", "pre-push", name, str(places[name]))
    one.ok("hook", "pre-push", str(remote), str(remote))
    assert [tip(place, ref) for place in places.values()] == [None, None]
    for name in carried:
        one.ok("hook", "pre-push", name, str(places[name]))
    assert {name for name, place in places.items() if tip(place, ref)} == carried


def test_a_ledger_that_repositories_share_goes_nowhere_by_itself(
    clone: Callable[..., Clone], remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has events of other repositories; whoever wants that says so."""
    one = clone("one")
    settle(one, "")
    monkeypatch.setenv("TALLYBOOK_LEDGER", str(tmp_path / "shared"))
    one.start("mine")
    one.ok("hook", "pre-push", "origin", str(remote))
    assert tip(remote) is None
    assert one.sync()["sent"] == 2
