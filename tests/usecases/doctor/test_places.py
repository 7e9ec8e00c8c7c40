"""Which file system a path is on, by the kernel's own listing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.usecases.doctor.places import Mount, mount_of, readable, standing

LISTING = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:5 / /home rw - tmpfs none rw
24 23 0:9 / /home/ada\040lovelace rw master:2 propagate_from:3 - nfs4 far:/x rw
25 22 0:6 / /home rw - fuse.sshfs none rw
broken
26 22 0:7 / /short
"""
NAMES = st.text("abc d", min_size=1, max_size=3).filter(str.strip)


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/srv", Mount("/", "ext4")),
        ("/home", Mount("/home", "fuse.sshfs")),
        ("/homes", Mount("/", "ext4")),
        ("/home/ada", Mount("/home", "fuse.sshfs")),
        ("/home/ada lovelace/x", Mount("/home/ada lovelace", "nfs4")),
    ],
)
def test_the_nearest_mount_and_of_several_the_last(path: str, mount: Mount) -> None:
    assert mount_of(Path(path), LISTING) == mount


def test_nothing_is_listed() -> None:
    assert mount_of(Path("/x"), "") is None


@given(st.lists(st.lists(NAMES, max_size=3).map(tuple), unique=True), st.lists(NAMES, max_size=4))
def test_the_longest_point_above_a_path_is_its_mount(points: list[tuple[str, ...]], parts: list[str]) -> None:
    def line(parts: tuple[str, ...]) -> str:
        return f"1 1 0:1 / {'/' + '/'.join(parts)} rw - kind{len(parts)} none rw".replace(" kind", " kind")

    escaped = [line(tuple(part.replace(" ", r"\040") for part in point)) for point in points]
    above = [point for point in points if tuple(parts[: len(point)]) == point]
    found = mount_of(Path("/", *parts), "\n".join(escaped))
    longest = max(above, key=len, default=None)
    assert found == (None if longest is None else Mount("/" + "/".join(longest), f"kind{len(longest)}"))


@given(st.integers(0, 1 << 60))
def test_sizes_have_a_unit_and_few_digits(size: int) -> None:
    number, unit = readable(size).split(" ")
    assert unit in {"bytes", "KiB", "MiB", "GiB", "TiB"}
    assert unit == "TiB" or float(number.replace(",", "")) <= 1024


def test_what_stands_of_a_path(tmp_path: Path) -> None:
    assert standing(tmp_path) == tmp_path
    assert standing(tmp_path / "a" / "b") == tmp_path
