"""`tally scan`: findings by place and kind, of the index, of commits and of files; the secret itself is nowhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from commands.bench import program, tree
from gitrepo import counted_calls
from tallybook.repo.git import Git, GitFault
from tallybook.repo.scanning.allowances import MARK
from tallybook.repo.scanning.kinds import KINDS
from tallybook.repo.scanning.reading import shipped_rules

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Said

EXAMPLES = {rule.id: rule.examples.positive[0].text for rule in shipped_rules("secrets", examples=True).rules}
TOKEN = EXAMPLES["github-token"]
OTHER = EXAMPLES["npm-token"]
ALLOW = MARK.decode()


def write(bench: Bench, name: str, data: str | bytes) -> Path:
    """Write one file."""
    path = bench.repo / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def stage(bench: Bench, name: str, data: str | bytes) -> None:
    """Write and add one file."""
    write(bench, name, data)
    bench.git("add", "--", name)


def commit(bench: Bench, name: str, data: str | bytes | None) -> str:
    """Commit one file, or that it is gone; the commit."""
    if data is None:
        bench.git("rm", "-q", "--", name)
    else:
        stage(bench, name, data)
    bench.git("commit", "-q", "-m", f"Change {name}")
    return bench.git("rev-parse", "HEAD")


def found(said: Said) -> list[tuple[Any, ...]]:
    """Rule, file, line and column of all findings; the exit status agrees."""
    told = said.json
    assert told["schema"] == "tallybook.scan/1"
    assert said.code == bool(told["findings"])
    for secret in EXAMPLES.values():
        assert secret not in said.out + said.err
    return [(one["rule"], one["file"], one["line"], one["column"]) for one in told["findings"]]


def secrets(bench: Bench, *words: str) -> list[tuple[Any, ...]]:
    """What is found of secrets."""
    return found(bench.tally("scan", "secrets", *words, "--json"))


def boundary(bench: Bench, *words: str) -> list[tuple[Any, ...]]:
    """What is found of a boundary."""
    return found(bench.tally("scan", "boundary", *words, "--json"))


def test_every_kind_of_secret_is_found_and_never_shown(bench: Bench) -> None:
    """By its place and kind, and a public beginning; nothing of it is written anywhere."""
    for rule, secret in EXAMPLES.items():
        write(bench, f"{rule}.txt", f"first\n  {secret}\n")
    before = tree(bench.repo)
    said = bench.tally("scan", "secrets", "--json")
    assert {(rule, file) for rule, file, _, _ in found(said)} == {(rule, f"{rule}.txt") for rule in EXAMPLES}
    assert {one["line"] for one in said.json["findings"]} == {2}
    told = bench.tally("scan", "secrets")
    for rule, secret in EXAMPLES.items():
        assert f"{rule}.txt:2:" in told.out
        assert secret not in told.out + told.err
        assert secret[-12:] not in told.out + said.out
    assert "github-token.txt:2:3: github-token: GitHub personal access token (ghp_..., 40 bytes)" in told.out
    assert tree(bench.repo) == before
    assert not bench.data.exists()


def test_clean(bench: Bench) -> None:
    """Exit 0, and how much was looked at."""
    assert bench.ok("scan", "secrets").out == "1 file: clean\n"
    assert bench.ok("scan", "boundary").out == "1 file: clean\n"


def test_the_index_is_looked_at_and_not_the_work_tree(bench: Bench) -> None:
    """What would be committed counts, whatever stands on disk."""
    stage(bench, "a", f"\n{TOKEN}\n")
    write(bench, "a", "mended\n")
    write(bench, "b", OTHER)
    assert secrets(bench, "--staged") == [("github-token", "a", 2, 1)]
    bench.git("add", "a")
    assert secrets(bench, "--staged") == []
    assert secrets(bench) == [("npm-token", "b", 1, 1)]


def test_the_first_commit_of_all(bench: Bench, tmp_path: Path) -> None:
    """There is nothing to compare the index with, so all of it counts."""
    bench.git("init", "-q", str(tmp_path / "new"))
    (tmp_path / "new" / "a").write_text(TOKEN)
    bench.go(tmp_path / "new")
    assert secrets(bench, "--staged") == []
    bench.git("add", "a", cwd=tmp_path / "new")
    assert secrets(bench, "--staged") == [("github-token", "a", 1, 1)]


def test_what_was_there_before_is_not_told_again(bench: Bench) -> None:
    """A file that only moves is, and one whose mode changes: they are put in anew."""
    commit(bench, "a", TOKEN)
    stage(bench, "b", "clean")
    assert secrets(bench, "--staged") == []
    bench.git("mv", "a", "c")
    assert secrets(bench, "--staged") == [("github-token", "c", 1, 1)]
    bench.git("rm", "-q", "-f", "c")
    assert secrets(bench, "--staged") == []


def test_a_merge_brings_what_neither_side_has(bench: Bench) -> None:
    """What comes from the other side was looked at there."""
    bench.git("checkout", "-q", "-b", "other")
    commit(bench, "theirs", TOKEN)
    bench.git("checkout", "-q", "-")
    commit(bench, "ours", "x\n")
    bench.git("merge", "-q", "--no-commit", "other")
    stage(bench, "evil", OTHER)
    assert secrets(bench, "--staged") == [("npm-token", "evil", 1, 1)]
    base = bench.git("rev-parse", "HEAD")
    bench.git("commit", "-q", "-m", "Merge")
    assert secrets(bench, "--range", f"{base}..HEAD") == [
        ("github-token", "theirs", 1, 1),
        ("npm-token", "evil", 1, 1),
    ]


def test_a_range_has_what_was_added_and_taken_out_again(bench: Bench) -> None:
    """The commit that brought it is named, once."""
    base = bench.git("rev-parse", "HEAD")
    first = commit(bench, "a", f"x\n{TOKEN}\n")
    commit(bench, "a", f"y\nx\n{TOKEN}\n")
    commit(bench, "a", None)
    said = bench.tally("scan", "secrets", "--range", f"{base}..HEAD", "--json")
    assert found(said) == [("github-token", "a", 2, 1)]
    assert said.json["findings"][0]["commit"] == first
    assert f"in commit {first[:12]}" in bench.tally("scan", "secrets", "--range", "HEAD").out
    assert secrets(bench, "--range", "HEAD..HEAD") == []
    assert secrets(bench) == []


def test_a_later_commit_can_allow_it(bench: Bench) -> None:
    """The same secret in the same file, once it has a reason."""
    commit(bench, "a", f"{TOKEN}\n")
    commit(bench, "a", f"# {ALLOW} github-token it is made up\n{TOKEN}\n")
    said = bench.tally("scan", "secrets", "--range", "HEAD", "--json")
    assert found(said) == []
    assert said.json["allowed"] == 1


@pytest.mark.parametrize("revisions", ["nosuch..HEAD", "-x", "", "a\nb", "HEAD:README.md"])
def test_what_is_no_range(bench: Bench, revisions: str) -> None:
    """A usage error; never taken for an option of git, nor for clean."""
    assert bench.misused("scan", "secrets", f"--range={revisions}") == "bad-revision"


def test_an_allowance_needs_a_reason(bench: Bench) -> None:
    """Without one the finding stays and says so."""
    write(bench, "a", f"{TOKEN} # {ALLOW} github-token\n")
    said = bench.tally("scan", "secrets")
    assert said.code == 1
    assert said.out.startswith("a:1:1: github-token: ")
    assert "; the comment in line 1 gives no reason\n" in said.out
    write(bench, "a", f"{TOKEN} # {ALLOW} github-token made up\n")
    assert bench.ok("scan", "secrets").out == "2 files: clean, 1 allowed\n"
    write(bench, "a", f"{TOKEN} # {ALLOW} npm-token made up\n")
    said = bench.tally("scan", "secrets", "--json")
    assert found(said) == [("github-token", "a", 1, 1)]
    assert said.json["unused"] == [{"rule": "npm-token", "file": "a", "line": 1}]
    assert "warning: a:1: this allows npm-token, which is not found there" in said.err


def test_allowances_of_whole_files(bench: Bench) -> None:
    """By a comment at the head, or by the rules' file, whose unused ones are told where all files were looked at."""
    write(bench, "a", f"# {ALLOW}-file github-token made up\n\n\n{TOKEN}\n{TOKEN}\n")
    write(bench, "t/b", f"{TOKEN}\n")
    allow = '[[allow]]\nrule = "github-token"\npath = "{}"\nreason = "made up"\n'
    write(bench, "config/secret-rules.toml", allow.format("t/") + allow.format("gone"))
    said = bench.tally("scan", "secrets", "--json")
    assert found(said) == []
    assert said.json["allowed"] == 3
    assert said.json["unused"] == [{"rule": "github-token", "file": "config/secret-rules.toml", "line": None}]
    assert bench.ok("scan", "secrets", "t", "--json").json["unused"] == []


def test_paths(bench: Bench, tmp_path: Path) -> None:
    """Directories as git sees them, named files whatever git thinks, and what lies outside."""
    write(bench, ".gitignore", "hidden\n")
    write(bench, "hidden", TOKEN)
    write(bench, "sub/a", OTHER)
    (tmp_path / "out" / ".git").mkdir(parents=True)
    (tmp_path / "out" / ".git" / "x").write_text(TOKEN)
    (tmp_path / "out" / "b").write_text(TOKEN)
    (tmp_path / "out" / "link").symlink_to(tmp_path / "out")
    assert secrets(bench, ".") == [("npm-token", "sub/a", 1, 1)]
    assert secrets(bench, "hidden") == [("github-token", "hidden", 1, 1)]
    assert secrets(bench, "sub", "../out") == [("npm-token", "sub/a", 1, 1), ("github-token", "../out/b", 1, 1)]
    bench.go(bench.repo / "sub")
    assert secrets(bench, "a", "../hidden") == [("npm-token", "sub/a", 1, 1), ("github-token", "hidden", 1, 1)]
    assert bench.misused("scan", "secrets", "nosuch") == "no-such-file"
    assert bench.misused("scan", "boundary", "../../out") == "outside"


def test_outside_of_git(bench: Bench, tmp_path: Path) -> None:
    """Files can be looked at; there is no index and no commit."""
    place = tmp_path / "plain"
    place.mkdir()
    (place / "id_rsa").write_text(TOKEN)
    bench.go(place)
    assert secrets(bench) == secrets(bench, "id_rsa") == [("github-token", "id_rsa", 1, 1)]
    assert boundary(bench) == [("key-file", "id_rsa", None, None)]
    assert bench.tally("scan", "secrets", "--staged", "--json").error == "no-repository"


@pytest.mark.parametrize(
    "words", [("--staged", "--range", "HEAD"), ("--staged", "a"), ("--range", "HEAD", "a"), ("--self-test", "--staged")]
)
def test_one_thing_at_a_time(bench: Bench, words: tuple[str, ...]) -> None:
    """What would be scanned is never in doubt."""
    assert bench.misused("scan", "secrets", *words) == "scan-several"


def test_odd_files(bench: Bench, tmp_path: Path) -> None:
    """Binary, without line ends, UTF-16, Latin-1, links, submodules, pointers of LFS, names with line ends."""
    bench.git("init", "-q", str(tmp_path / "module"))
    bench.git("commit", "-q", "--allow-empty", "-m", "x", cwd=tmp_path / "module")
    bench.git("submodule", "--quiet", "add", str(tmp_path / "module"), "module")
    stage(bench, "binary", b"\0\1" + TOKEN.encode() + b"\0")
    stage(bench, "wide", f"\ufeffx\n{TOKEN}".encode("utf-16-le"))
    stage(bench, "latin", b"caf\xe9\n" + TOKEN.encode())
    stage(bench, "long", "x = 1; " * 100_000 + TOKEN)
    stage(bench, "line\nend\x1b[31m", TOKEN)
    stage(bench, "lfs", f"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n{TOKEN}\n")
    stage(bench, os.fsdecode(b"n\xe4me"), TOKEN)
    (bench.repo / "link").symlink_to(TOKEN)
    (bench.repo / "broken").symlink_to("nowhere")
    bench.git("add", "link", "broken")
    right = {
        ("binary", None, None),
        ("wide", 2, 1),
        ("latin", 2, 1),
        ("long", 1, 700_001),
        ("line\nend\x1b[31m", 1, 1),
        (os.fsdecode(b"n\xe4me"), 1, 1),
        ("link", 1, 1),
    }
    for words in (("--staged",), ()):
        assert {told[1:] for told in secrets(bench, *words)} == right
    told = bench.tally("scan", "secrets", "--staged").out
    assert "\x1b" not in told
    assert "binary (byte 2): github-token" in told
    assert len(told.splitlines()) == 8
    done = program(
        "scan", "secrets", "--staged", errors="surrogateescape", env={**os.environ, "PYTHONIOENCODING": "utf-8"}
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_what_can_not_be_looked_into_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large, unreadable, no file; in the index as on disk."""
    monkeypatch.setattr("tallybook.repo.scanning.sources.LARGEST", 100)
    stage(bench, "large", "x" * 101 + TOKEN)
    stage(bench, "small", TOKEN)
    os.mkfifo(bench.repo / "pipe")
    for words in (("--staged",), (), ("large", "small", "pipe")):
        said = bench.tally("scan", "secrets", *words, "--json")
        assert found(said) == [("github-token", "small", 1, 1)]
        unseen = [one["file"] for one in said.json["unseen"]]
        assert unseen == (["large", "pipe"] if "pipe" in words else ["large"])
        assert "warning: large: not looked into: it has 141 bytes, more than 100" in said.err
    blob = bench.git("rev-parse", ":small")
    (bench.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    said = bench.tally("scan", "secrets", "--staged", "--json")
    assert {one["file"] for one in said.json["unseen"]} == {"large", "small"}


def test_a_file_with_very_many(bench: Bench) -> None:
    """The first hundred are told, and that there are more."""
    write(bench, "a", f"{TOKEN}\n" * 5000)
    said = bench.tally("scan", "secrets", "--json")
    assert len(found(said)) == 100
    assert said.json["unseen"] == [{"file": "a", "why": "only the first 100 findings of it are told"}]


def test_a_boundary_of_a_project(bench: Bench) -> None:
    """Roots, names, sizes and words; the path itself has no line."""
    rules = """
    ignore = ["vendor/"]
    [[rule]]
    id = "roots"
    message = "a place that nobody has agreed on"
    roots = ["README.md", "config", "src", "vendor"]
    [[rule]]
    id = "words"
    message = "a name that stays inside"
    literals = ["Project Heron"]
    patterns = ['heron-[0-9]{3}']
    ignore_case = true
    exempt = ["config/boundary-rules.toml"]
    [[rule]]
    id = "small"
    max_bytes = 40
    only = ["src/"]
    """
    write(bench, "config/boundary-rules.toml", rules)
    write(bench, "src/a", "\n  project heron, heron-123\nHERON-456\n")
    write(bench, "src/b", "x" * 41)
    write(bench, "new/.env", "")
    write(bench, "vendor/.env", "")
    assert boundary(bench) == [
        ("roots", "new/.env", None, None),
        ("environment-file", "new/.env", None, None),
        ("words", "src/a", 2, 3),
        ("words", "src/a", 3, 1),
        ("small", "src/b", None, None),
    ]
    told = bench.tally("scan", "boundary").out
    assert "new/.env: roots: a place that nobody has agreed on: new is none of the names allowed" in told
    assert "src/b: small: small: it has 41 bytes, more than 40" in told
    bench.git("add", "src", "new")
    assert len(boundary(bench, "--staged")) == 5


def test_rules_that_can_not_be_used(bench: Bench) -> None:
    """Nothing is taken for clean; the file, the rule and the remedy are named."""
    write(bench, "config/secret-rules.toml", "[[rule]]\nid = 'x'\npattern = '(a+)+b'\n")
    for words in ((), ("--staged",), ("--self-test",)):
        said = bench.tally("scan", "secrets", *words, "--json")
        assert (said.code, said.error) == (2, "bad-rules")
        assert said.err.startswith("tally: config/secret-rules.toml, rule x: '(a+)+b' could take")
        assert "bound its repetitions" in said.err


def test_self_test(bench: Bench) -> None:
    """All shipped rules keep what they promise; one of the project that does not is told."""
    for kind in KINDS:
        told = bench.ok("scan", kind, "--self-test", "--json").json
        assert (told["schema"], told["kind"], told["faults"]) == ("tallybook.scan-self-test/1", kind, [])
        assert told["tried"] == len(shipped_rules(kind).rules)
    assert bench.ok("scan", "secrets", "--self-test").out.endswith(": all keep what their examples promise\n")
    write(bench, "config/secret-rules.toml", "[[rule]]\nid = 'x'\npattern = 'ab'\npositive = ['b']\nnegative = ['a']\n")
    said = bench.tally("scan", "secrets", "--self-test")
    assert said.code == 1
    assert "config/secret-rules.toml, rule x: its positive example 1 is not found\n" in said.out


def test_few_calls_of_git(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many for a hundred files as for one."""
    calls = counted_calls(monkeypatch)
    counts = []
    for number in (1, 100):
        for name in range(number):
            stage(bench, f"{number}/{name}", f"{name}\n")
        before = len(calls)
        assert secrets(bench, "--staged") == []
        counts.append(len(calls) - before)
    assert counts[0] == counts[1] <= 5


def test_a_git_that_fails_is_not_clean(bench: Bench) -> None:
    """What can't be told is a fault."""
    (bench.repo / ".git" / "index").write_bytes(b"broken")
    for words in (("--staged",), (), (".",)):
        said = bench.tally("scan", "secrets", *words, "--json")
        assert (said.code, said.error) == (1, "git-failed")


def test_contents_that_git_does_not_give_are_not_clean(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that fails half way is a fault as well."""
    stage(bench, "a", TOKEN)
    read = Git.read

    def broken(git: Git, *arguments: str, text: bytes | None = None) -> bytes | GitFault:
        fault = GitFault("git-failed", "out of luck", 128)
        return fault if "--batch" in arguments else read(git, *arguments, text=text)

    monkeypatch.setattr(Git, "read", broken)
    for words in (("--staged",), ("--range", "HEAD")):
        said = bench.tally("scan", "secrets", *words, "--json")
        assert (said.code, said.error) == (1, "git-failed")
