"""What the repository's owner has set: read from TOML, every fault a value, every other setting still in force.

Standard library only, because the git hooks read it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE = PurePosixPath("config/tallybook.toml")
"""Where the settings stand, from the top level of the repository."""
PYPROJECT = "pyproject.toml"
"""Where they stand otherwise, as the table ``tool.tallybook``."""
_PLACES = ((str(FILE), b""), (PYPROJECT, b"tallybook"))
"""Each with what it must hold to count."""
_LONGEST = 1 << 20
_REF = r"(?a)refs(?:/(?!\.)(?:(?!\.\.|\.lock(?:/|\Z))[\w.@+-])+(?<!\.))+"
"""The full name of a ref, of letters that no git gives a meaning to."""
_DATA = {"darwin": ("Library", "Application Support")}


class ConfigProblem(NamedTuple):
    """One fault in the settings; what it concerns has its default value."""

    code: str
    """``config-unreadable``, ``config-unknown-key``, ``config-wrong-type`` or ``config-bad-value``."""
    message: str
    file: str
    """From the top level of the repository."""
    hint: str = ""


class Settings(NamedTuple):
    """All settings of a repository."""

    ledger_publish: str | None = None
    """Directory, from the top level, that carries a copy of the ledger in the commits."""
    capture: bool = True
    """Whether commands take usage snapshots."""
    ticket_pattern: str | None = None
    """Regular expression; a commit whose subject it matches from the start needs no trailer."""
    sync: bool = False
    """Whether the ledger goes through a remote with every push and merge."""
    sync_remote: str | None = None
    """The remote that it goes through; None for the usual one."""
    sync_ref: str = "refs/tallybook/ledger"
    """The full name of the ref that carries it there."""
    anchor: bool = False
    """Whether commits of goals name the head of the ledger."""
    scan_boundary: bool | None = None
    """Whether hooks look for what must stay outside; None for where the repository has rules of its own."""
    scan_secrets: bool | None = None
    """Whether hooks look for secrets; None as above."""


def load_settings(toplevel: Path | None) -> tuple[Settings, tuple[ConfigProblem, ...]]:
    """The settings in force in the work tree that begins at ``toplevel``, and what was wrong with the text of them."""
    if toplevel is None:
        return Settings(), ()
    for name, marker in _PLACES:
        try:
            raw = _read(toplevel / name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return _unreadable(name, error.strerror or "it can't be opened")
        if marker in raw:
            return _parsed(name, raw)
    return Settings(), ()


def settings_in(read: Callable[[str], bytes | None]) -> Settings:
    """The settings that files elsewhere give, such as those of a commit; ``read`` tells their bytes by their names."""
    for name, marker in _PLACES:
        raw = read(name)
        if raw is not None and marker in raw:
            return _parsed(name, raw)[0]
    return Settings()


def data_directory(environ: Mapping[str, str]) -> Path:
    """Where everything that belongs to the user and to no repository lives."""
    chosen = environ.get("TALLYBOOK_HOME")
    if chosen:
        return Path(chosen)
    shared = environ.get("XDG_DATA_HOME", "").strip()
    if shared:
        return Path(shared) / "tallybook"
    home = Path(environ.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    return home.joinpath(*_DATA.get(sys.platform, (".local", "share")), "tallybook")


def checkpoint_path(data: Path, ledger: Path, published: Path | None) -> Path:
    """Where the state of the ledger in these directories is kept, a cache in the data directory."""
    places = [b"" if place is None else os.fsencode(os.path.realpath(place)) for place in (ledger, published)]
    name = hashlib.sha256(b"\0".join(places)).hexdigest()[:16]
    return data / "checkpoint" / f"{name}.db"


def ledger_override(environ: Mapping[str, str], flag: str | None = None) -> Path | None:
    """The ledger directory that the user named: by ``--ledger``, else by ``TALLYBOOK_LEDGER``."""
    chosen = flag or environ.get("TALLYBOOK_LEDGER")
    return Path(chosen) if chosen else None


def ledger_home(environ: Mapping[str, str], common_dir: Path) -> Path:
    """The ledger of a repository without a flag: the directory named in the environment, else the clone's own."""
    return ledger_override(environ) or common_dir / "tallybook" / "events"


def _read(path: Path) -> bytes:
    """The file's bytes, one more than are allowed at most; a pipe is not waited for."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        return source.read(_LONGEST + 1)


def _unreadable(file: str, why: str) -> tuple[Settings, tuple[ConfigProblem, ...]]:
    message = f"can't be read: {why}"
    return Settings(), (ConfigProblem("config-unreadable", message, file, "all settings have their defaults"),)


def _parsed(file: str, raw: bytes) -> tuple[Settings, tuple[ConfigProblem, ...]]:
    import tomllib  # noqa: PLC0415 - most repositories have no settings

    if len(raw) > _LONGEST:
        return _unreadable(file, "it is larger than 1 MiB")
    try:
        document = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        return _unreadable(file, str(error) or "it is nested too deep")
    reading = _Reading(file, document, [])
    if file == PYPROJECT:
        for name in ("tool", "tallybook"):
            reading = reading._replace(document=reading.table(name))
    settings = reading.settings()
    return settings, tuple(reading.problems)


class _Reading(NamedTuple):
    file: str
    document: dict[str, object]
    problems: list[ConfigProblem]

    def settings(self) -> Settings:
        """Every value that can be used; the rest goes to ``problems``."""
        known = {
            "ledger": ("publish", "sync", "sync_remote", "sync_ref", "anchor"),
            "capture": ("enabled",),
            "hooks": ("ticket",),
            "scan": ("boundary", "secrets"),
        }
        for name in self.document:
            if name not in known:
                self._problem("unknown-key", f"there is no setting {_shown(name)}", "check the spelling")
        tables = {name: self.table(name) for name in known}
        for name, keys in known.items():
            for key in tables[name]:
                if key not in keys:
                    self._problem("unknown-key", f"there is no setting {_shown(key)} in [{name}]", "check the spelling")
        ledger = tables["ledger"]
        publish, ticket = self._text(ledger, "ledger", "publish"), self._text(tables["hooks"], "hooks", "ticket")
        return Settings(
            self._directory(publish),
            self._flag(tables["capture"], "capture.enabled", default=True),
            self._pattern(ticket),
            self._flag(ledger, "ledger.sync", default=False),
            self._remote(self._text(ledger, "ledger", "sync_remote")),
            self._ref(self._text(ledger, "ledger", "sync_ref")),
            self._flag(ledger, "ledger.anchor", default=False),
            self._choice(tables["scan"], "scan.boundary"),
            self._choice(tables["scan"], "scan.secrets"),
        )

    def table(self, name: str) -> dict[str, object]:
        """The table of that name; empty where there is none or it is something else."""
        value = self.document.get(name, {})
        if isinstance(value, dict):
            return cast("dict[str, object]", value)
        self._problem("wrong-type", f"{name} must be a table", f"write [{name}] and the settings below it")
        return {}

    def _flag(self, table: dict[str, object], name: str, *, default: bool) -> bool:
        value = table.get(name.partition(".")[2], default)
        if isinstance(value, bool):
            return value
        self._problem("wrong-type", f"{name} must be true or false", f"it stays {'on' if default else 'off'}")
        return default

    def _choice(self, table: dict[str, object], name: str) -> bool | None:
        """True, false, or nothing said."""
        value = table.get(name.partition(".")[2])
        if value is None or isinstance(value, bool):
            return value
        self._problem("wrong-type", f"{name} must be true or false", "it goes by whether there is a file of rules")
        return None

    def _remote(self, value: str | None) -> str | None:
        if value is None or (not value.startswith("-") and value.isprintable()):
            return value
        self._problem("bad-value", f"ledger.sync_remote can't be {_shown(value)}", 'such as "origin"')
        return None

    def _ref(self, value: str | None) -> str:
        usual = Settings().sync_ref
        if value is None or re.fullmatch(_REF, value):
            return value or usual
        message = f"ledger.sync_ref must be the full name of a ref, not {_shown(value)}"
        self._problem("bad-value", message, f'such as "{usual}" or "refs/heads/tallybook-ledger"')
        return usual

    def _text(self, table: dict[str, object], name: str, key: str) -> str | None:
        value = table.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        self._problem("wrong-type", f"{name}.{key} must be text, and not empty", "the setting is ignored")
        return None

    def _directory(self, value: str | None) -> str | None:
        if value is None:
            return None
        path = PurePosixPath(value)
        outside = path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0].lower() == ".git"
        if not outside and value.isprintable() and "\\" not in value:
            return str(path)
        message = f"ledger.publish must be a directory inside of the repository, not {_shown(value)}"
        self._problem("bad-value", message, 'such as "metrics/events"')
        return None

    def _pattern(self, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except (re.error, RecursionError, OverflowError) as error:
            message = f"hooks.ticket is no regular expression: {error}"
            self._problem("bad-value", message, r'such as "[A-Z]+-[0-9]+: "')
            return None
        return value

    def _problem(self, code: str, message: str, hint: str) -> None:
        self.problems.append(ConfigProblem(f"config-{code}", message, self.file, hint))


def _shown(text: str) -> str:
    return ascii(text[:80])
