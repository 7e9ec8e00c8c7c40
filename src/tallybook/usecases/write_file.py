"""Writes a document whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def write_if_changed(path: Path, text: str, *, dry_run: bool = False) -> bool:
    """Replace ``path`` by ``text`` (UTF-8) through a temporary file beside it; tell whether anything changes.

    A link stays, what it points to is replaced. Pipes, devices and directories are refused.

    Raises:
        OSError: the place can't be written.

    """
    content = text.encode("utf-8", "surrogateescape")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its directory does not exist", str(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    if target.exists() and target.read_bytes() == content:
        return False
    if dry_run:
        return True
    draft = target.with_name(f".{target.name[:200]}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        if target.exists():
            draft.chmod(stat.S_IMODE(target.stat().st_mode))
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return True
