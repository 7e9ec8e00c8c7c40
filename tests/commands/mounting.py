"""Mounts that a test makes for its own processes; they are gone with them."""

from __future__ import annotations

import subprocess

_PRIVATE = ("--mount", "--propagation", "private")
WAYS = (("unshare", *_PRIVATE), ("unshare", "--user", "--map-root-user", *_PRIVATE))


def may_mount() -> tuple[tuple[str, ...], str]:
    """How to get mounts of our own, as the superuser or as anybody; else nothing, and why."""
    said = ""
    for way in WAYS:
        try:
            done = subprocess.run(
                (*way, "sh", "-c", "mount -t tmpfs none /mnt"), capture_output=True, text=True, check=False
            )
        except OSError as error:
            return (), f"unshare can't be run: {error.strerror}"
        if done.returncode == 0:
            return way, ""
        said = done.stderr.strip()
    return (), f"nothing can be mounted here: {said}"


OWN_MOUNTS, MISSING = may_mount()
