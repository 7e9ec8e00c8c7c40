"""Sync folders, other disks and names without capitals, each by what can be seen of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tallybook.usecases.doctor.finding import Status
from tallybook.usecases.doctor.folders import letter_case, other_device, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("root", "mark", "tool"),
    [
        ("box", ".dropbox", "Dropbox"),
        ("box", ".dropbox.cache/", "Dropbox"),
        ("box", ".849C9593-D756-4E56-8D6E-42412F2A707B", "OneDrive"),
        ("box", ".stfolder/", "Syncthing"),
        ("box", ".sync/ID", "Resilio Sync"),
        ("box", ".tmp.driveupload/", "Google Drive"),
        ("box", ".sync_0a1b2c3d4e5f.db", "Nextcloud or ownCloud"),
        ("box", "._sync_0a1b2c3d4e5f.db", "Nextcloud or ownCloud"),
        ("Dropbox", "", "Dropbox, by the name of the folder,"),
        ("Dropbox (Work)", "", "Dropbox, by the name of the folder,"),
        ("OneDrive - Example", "", "OneDrive, by the name of the folder,"),
        ("Library/Mobile Documents", "", "iCloud Drive"),
        ("Library/CloudStorage/Box-Box", "", "Box"),
    ],
)
def test_a_sync_folder_is_known(tmp_path: Path, root: str, mark: str, tool: str) -> None:
    """From anywhere below, also where nothing stands yet; the message names the tool and the folder."""
    folder = tmp_path / root
    folder.mkdir(parents=True)
    if mark.endswith("/"):
        (folder / mark).mkdir()
    elif mark:
        (folder / mark).parent.mkdir(exist_ok=True)
        (folder / mark).touch()
    for path in (folder, folder / "deep" / "er"):
        found = sync_folder("sync-folder", path, "move it")
        assert (found.status, found.hint) == (Status.NOTE, "move it")
        assert found.message.startswith(f"{tool} copies what is below {folder}: ")


@pytest.mark.parametrize("mark", [".dropbox/", ".dropbox.cache", "Dropboxes/", ".sync/", "sync_0a.db", "CloudStorage/"])
def test_what_is_no_sync_folder(tmp_path: Path, mark: str) -> None:
    """Such as the settings of a tool in one's home, which are a directory of the same name."""
    (tmp_path / mark).mkdir() if mark.endswith("/") else (tmp_path / mark).touch()
    assert sync_folder("sync-folder", tmp_path / "ledger", "").status is Status.OK


def test_a_link_into_a_sync_folder(tmp_path: Path) -> None:
    """Where things really lie counts."""
    (tmp_path / "Dropbox").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "Dropbox")
    assert sync_folder("sync-folder", tmp_path / "link" / "x", "").status is Status.NOTE


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells nothing, and is no fault."""

    def refuse(_: object) -> list[str]:
        raise PermissionError

    monkeypatch.setattr("tallybook.usecases.doctor.folders.os.listdir", refuse)
    assert sync_folder("sync-folder", tmp_path, "").status is Status.OK
    assert letter_case("letter-case", tmp_path).status is Status.OK


def test_a_ledger_on_the_disk_of_its_clone(tmp_path: Path) -> None:
    """Also before it is made; a real other disk is mounted in the tests of odd places."""
    assert other_device("device", tmp_path / "none" / "yet", tmp_path).status is Status.OK


def swapped(real: Callable[[str | Path], bool]) -> Callable[[str | Path], bool]:
    """As on a file system that takes capitals for small letters."""

    def there(path: str | Path) -> bool:
        return real(path) or real(os.path.join(os.path.dirname(path), os.path.basename(path).swapcase()))  # noqa: PTH118, PTH119, PTH120

    return there


@pytest.mark.parametrize("inside", [True, False])
def test_capitals_and_small_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool) -> None:
    """By a name in the directory, else by its own; nothing is written for it."""
    place = tmp_path / "events"
    place.mkdir()
    if inside:
        (place / "ledger.lock").touch()
    assert letter_case("letter-case", place).message == "capitals are told from small letters"
    monkeypatch.setattr("tallybook.usecases.doctor.folders.os.path.lexists", swapped(os.path.lexists))
    assert "are the same here" in letter_case("letter-case", place).message


def test_names_without_letters_tell_nothing(tmp_path: Path) -> None:
    """Nor does one that stands there in both ways."""
    place = tmp_path / "123"
    place.mkdir()
    for name in ("1", "a", "A"):
        (place / name).touch()
    assert "can't be told yet" in letter_case("letter-case", place).message
