from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger.ledgers import FaultyFiles, append, finished, ledger_at, marked, own_file, started, tampered, write_lines
from tallybook.ledger.file import UnusableFileError
from tallybook.ledger.publish import publish

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.store import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = ledger_at(tmp_path)
    append(ledger, started(), marked(), finished())
    return ledger


def published(ledger: Ledger, directory: Path) -> bool:
    return publish(ledger.place.home, own_file(ledger).stem, directory)


def test_the_copy_is_made_and_kept_up(ledger: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "tree" / "metrics" / own_file(ledger).name
    assert published(ledger, target.parent)
    assert target.read_bytes() == own_file(ledger).read_bytes()
    assert not published(ledger, target.parent)
    append(ledger, marked())
    assert published(ledger, target.parent)
    assert target.read_bytes() == own_file(ledger).read_bytes()
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_nothing_to_publish(ledger: Ledger, tmp_path: Path) -> None:
    assert not publish(ledger.place.home, "w-00000000", tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_a_longer_copy_is_not_shrunk(ledger: Ledger, tmp_path: Path) -> None:
    assert published(ledger, tmp_path / "tree")
    target = tmp_path / "tree" / own_file(ledger).name
    long = target.read_bytes()
    write_lines(own_file(ledger), long.splitlines()[:1])
    assert not published(ledger, tmp_path / "tree")
    assert target.read_bytes() == long


def test_only_whole_good_own_lines_go_out(ledger: Ledger, tmp_path: Path) -> None:
    one, two, three = own_file(ledger).read_bytes().splitlines()
    stranger = tampered(three, {b'"writer":"' + own_file(ledger).stem.encode(): b'"writer":"w-00000000'})
    write_lines(own_file(ledger), [one, two.replace(b"plan", b"plot"), b"junk", stranger])
    with own_file(ledger).open("ab") as file:
        file.write(three)
    assert published(ledger, tmp_path / "tree")
    assert (tmp_path / "tree" / own_file(ledger).name).read_bytes() == one + b"\n"


def test_a_copy_that_a_merge_has_mangled_is_mended(ledger: Ledger, tmp_path: Path) -> None:
    one, two, three = own_file(ledger).read_bytes().splitlines()
    write_lines(own_file(ledger), [one, two])
    target = tmp_path / "tree" / own_file(ledger).name
    write_lines(target, [three, one, b"<<<<<<< ours", one])
    assert published(ledger, target.parent)
    assert target.read_bytes() == b"".join(line + b"\n" for line in (one, two, three))


@pytest.mark.parametrize("kind", ["file link", "directory link", "directory"])
def test_links_are_refused(ledger: Ledger, tmp_path: Path, kind: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    tree = tmp_path / "tree"
    if kind == "directory link":
        tree.symlink_to(tmp_path / "elsewhere")
    else:
        tree.mkdir()
        target = tree / own_file(ledger).name
        if kind == "directory":
            target.mkdir()
        else:
            target.symlink_to(tmp_path / "elsewhere" / "file")
    with pytest.raises(UnusableFileError):
        published(ledger, tree)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_failure_leaves_the_copy_as_it_was(ledger: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "tree" / own_file(ledger).name
    counting = FaultyFiles()
    publish(ledger.place.home, own_file(ledger).stem, target.parent, counting)
    before = target.read_bytes()
    append(ledger, marked())
    for at in range(len(counting.calls)):
        files = FaultyFiles(at, 28)
        try:
            publish(ledger.place.home, own_file(ledger).stem, target.parent, files)
        except OSError:
            assert target.read_bytes() == before
        else:
            assert target.read_bytes() == own_file(ledger).read_bytes()
            target.write_bytes(before)
