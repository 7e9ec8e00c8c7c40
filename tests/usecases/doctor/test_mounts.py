"""Which file system a path is on, by the kernel's own listing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.mounting import MISSING, OWN_MOUNTS
from tallybook.usecases.doctor.mounts import Mount, mount_of

LISTING = rb"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,barrier=0
23 22 0:5 / /home rw - tmpfs none rw
24 23 0:9 / /home/ada\040lovelace rw master:2 propagate_from:3 - nfs4 far:/x rw,nolock
25 22 0:6 / /srv rw - xfs none rw
26 25 0:7 / /srv rw - fuse.sshfs none rw
27 22 0:8 / /srv/below rw - ext4 none rw
28 22 0:8 / /caf\xe9\134 rw -
broken
29 22 0:7 / /short
30 22 0:7 / /odd\303\251 ro - btrfs none rw
"""
NAMES = st.text("abc \\\t\né", min_size=1, max_size=3)
PATHS = st.lists(NAMES, max_size=3).map(tuple)


@pytest.mark.parametrize(
    ("path", "point", "kind"),
    [
        ("/", "/", "ext4"),
        ("/opt", "/", "ext4"),
        ("/home", "/home", "tmpfs"),
        ("/homes", "/", "ext4"),
        ("/home/ada lovelace/x", "/home/ada lovelace", "nfs4"),
        ("/srv", "/srv", "fuse.sshfs"),
        ("/srv/below/x", "/srv", "fuse.sshfs"),
        ("/oddé/x", "/oddé", "btrfs"),
        ("/short", "/", "ext4"),
    ],
)
def test_what_can_be_reached_counts(path: str, point: str, kind: str) -> None:
    """The nearest mount, but for one that another has covered since."""
    found = mount_of(Path(path), LISTING)
    assert found is not None
    assert (found.point, found.kind) == (point, kind)


def test_options_are_those_of_the_mount_and_of_the_file_system() -> None:
    """Both stand in the listing, in two places."""
    found = mount_of(Path("/home/ada lovelace"), LISTING)
    assert found is not None
    assert found.options == {"rw", "nolock"}
    assert mount_of(Path("/"), LISTING) == Mount("/", "ext4", frozenset({"rw", "relatime", "barrier=0"}))


@pytest.mark.parametrize("listing", [b"", b"\n", b"22 1 8:1 / /other rw - ext4 x rw", b"- - -", b"\xff" * 99])
def test_nothing_is_listed(listing: bytes) -> None:
    """A root that is no mount of its own, or no listing at all."""
    assert mount_of(Path("/x"), listing) is None


def test_a_mount_that_stands_on_itself() -> None:
    """So does the first one of some systems; a ring of two has no beginning."""
    assert mount_of(Path("/x"), b"1 1 0:1 / / rw - rootfs rootfs rw") == Mount("/", "rootfs", frozenset({"rw"}))
    assert mount_of(Path("/x"), b"1 2 0:1 / / rw - a a rw\n2 1 0:1 / / rw - b b rw") is None


@given(st.lists(PATHS, max_size=8), PATHS, st.randoms(use_true_random=False))
def test_as_a_walk_through_the_directories_finds_it(
    points: list[tuple[str, ...]], path: tuple[str, ...], random: object
) -> None:
    """However mounts lie on, below and over one another, and in whatever order they are listed."""
    on: dict[tuple[int, tuple[str, ...]], int] = {}

    def reached(parts: tuple[str, ...]) -> int:
        """The mount that the kernel comes to: at every step to what is mounted there, and on that again."""
        at = 0
        for length in range(len(parts) + 1):
            while (at, parts[:length]) in on:
                at = on[at, parts[:length]]
        return at

    lines = ["100 1 0:1 / / rw - kind0 none rw"]
    for number, point in enumerate(points, 1):
        parent = reached(point)
        on[parent, point] = number
        text = re.sub(r"[\\ \t\n]", lambda found: f"\\{ord(found[0]):03o}", "/" + "/".join(point))
        lines.append(f"{100 + number} {100 + parent} 0:1 / {text} rw - kind{number} none rw")
    random.shuffle(lines)  # type: ignore[attr-defined]
    found = mount_of(Path("/", *path), "\n".join(lines).encode())
    assert found is not None
    assert found.kind == f"kind{reached(path)}"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_listing(listing: bytes) -> None:
    """Nothing that stands there is an error."""
    mount_of(Path("/x"), listing)
    mount_of(Path("/"), b"1 0 0:1 / / rw - a " + listing)


@pytest.mark.skipif(not OWN_MOUNTS, reason=MISSING)
def test_the_kernel_itself_agrees(tmp_path: Path) -> None:
    """Real mounts beside, below and over one another, with odd names: its own number of the mount tells."""
    script = """
import os, sys
from pathlib import Path
from tallybook.usecases.doctor.mounts import mount_of
listing = Path("/proc/self/mountinfo").read_bytes()
for name in sys.argv[1:]:
    handle = os.open(name, os.O_PATH)
    facts = dict(line.split(":\\t") for line in Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines())
    (line,) = [line for line in listing.splitlines() if line.split(b" ")[0] == facts["mnt_id"].encode()]
    alone = line.replace(line.split(b" ")[1], b"0", 1)
    found = mount_of(Path(name).resolve(), listing)
    assert found == mount_of(Path(name).resolve(), alone), (name, found, line)
    print(found.kind, found.point)
"""
    one, below, odd = tmp_path / "one", tmp_path / "one" / "below", tmp_path / "tab\t é\\x"
    mounts = (
        'mkdir "$0" && mount -t tmpfs none "$0" && mkdir "$1" && mount -t tmpfs none "$1" && touch "$1/x" && '
        'mount -t tmpfs none "$0" && mkdir "$1" && mkdir "$2" && mount -t tmpfs none "$2" && shift 0; '
        f'exec {sys.executable} -c "$PROBE" "$0" "$1" "$2" / /proc'
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PROBE": script}
    words = [*OWN_MOUNTS, "sh", "-c", mounts, str(one), str(below), str(odd)]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert rows[:3] == [f"tmpfs {one}", f"tmpfs {one}", f"tmpfs {odd}"]
