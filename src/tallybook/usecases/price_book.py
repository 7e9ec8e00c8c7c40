"""The prices that hold here: those that come with the program, and what the repository and its user have agreed."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from tallybook.domain.money import Rates, Unpriced
from tallybook.domain.problems import Problem, Refusal, Where

if TYPE_CHECKING:
    from tallybook.domain.usage import PriceClass
    from tallybook.pricing.agreed import Agreed
    from tallybook.pricing.memory import RememberedBook
    from tallybook.pricing.prices import Prices
    from tallybook.usecases.workspace import Workspace

FILE: Final = PurePosixPath("config/prices.toml")
"""What is agreed for one repository, from its top level."""
OWN: Final = "prices.toml"
"""What is agreed for all, in the data directory; the repository's comes first."""
_LARGEST: Final = 1 << 20


class PriceBook:
    """The prices of a workspace, read when the first is asked for; a fault in what was agreed leaves no price."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._opened: tuple[Prices, RememberedBook] | Problem | None = None
        self._list: Prices | None = None

    def prices(self) -> Prices | Refusal:
        """The prices, or why there are none."""
        found = self._open()
        if isinstance(found, Problem):
            place = ":".join(str(part) for part in (found.where.file, found.where.line) if part is not None)
            return Refusal(found.code, f"{place}: {found.message}", found.hint, usage=True)
        return found[0]

    def of_class(self, agent: str, it: PriceClass) -> Rates | Unpriced:
        """The prices of one price class."""
        found = self._open()
        if isinstance(found, Problem):
            return Unpriced(it.model, f"{found.where.file} can't be used")
        return found[0].of_class(agent, it)

    def listed(self, agent: str, it: PriceClass) -> Rates | Unpriced:
        """The same without what was agreed."""
        found = self._open()
        if isinstance(found, Problem):
            return self.of_class(agent, it)
        if self._list is None:
            self._list = found[0].listed()
        return self._list.of_class(agent, it)

    @property
    def version(self) -> str | None:
        """Of the book; None where it is not used."""
        found = self._open()
        return None if isinstance(found, Problem) else found[0].version

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with what was agreed, once prices were asked for."""
        return (self._opened,) if isinstance(self._opened, Problem) else ()

    def keep(self) -> None:
        """Let later commands know the prices that were looked up."""
        if isinstance(self._opened, tuple):
            self._opened[1].keep()

    def _open(self) -> tuple[Prices, RememberedBook] | Problem:
        if self._opened is None:
            self._opened = self._read()
        return self._opened

    def _read(self) -> tuple[Prices, RememberedBook] | Problem:
        # Most commands ask for no price, and are done before this would be loaded.
        from tallybook.pricing.agreed import Agreed  # noqa: PLC0415
        from tallybook.pricing.book import GenaiBook  # noqa: PLC0415
        from tallybook.pricing.memory import RememberedBook  # noqa: PLC0415
        from tallybook.pricing.prices import Prices  # noqa: PLC0415

        parts: list[Agreed] = []
        for path in self._files():
            try:
                text = _text(path)
            except OSError as error:
                why = error.strerror or "it can't be read"
                if not os.access(path.parent, os.X_OK):
                    return _problem(path.parent, why, "let your user look into the directory")
                return _problem(path, why, "make it readable, or remove it")
            if text is not None:
                from tallybook.agents.registry import AGENTS  # noqa: PLC0415 - most have no such file
                from tallybook.pricing.overrides import CLASH, PriceFault, agreed_in  # noqa: PLC0415

                try:
                    here = agreed_in(text, AGENTS)
                except PriceFault as fault:
                    return _problem(path, fault.message, fault.hint, fault.line)
                if any(one.clashes(two) for part in parts for one in part.subscriptions for two in here.subscriptions):
                    return _problem(path, f"a subscription covers the same as one in {FILE}", CLASH)
                parts.append(here)
        agreed = Agreed(
            tuple(one for part in parts for one in part.rates),
            tuple(one for part in parts for one in part.discounts),
            tuple(one for part in parts for one in part.credits),
            tuple(one for part in parts for one in part.subscriptions),
        )
        book = RememberedBook(self._workspace.data, GenaiBook())
        return Prices(book, agreed), book

    def _files(self) -> list[Path]:
        repository = self._workspace.repository
        top = None if repository is None else repository.toplevel
        return [*([] if top is None else [top / FILE]), self._workspace.data / OWN]


def _text(path: Path) -> str | None:
    """The file's text; None where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(handle, "rb") as source:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "it is no regular file")
        raw = source.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise OSError(0, "it is larger than 1 MiB")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise OSError(0, f"it is no UTF-8 (byte {error.start})") from error


def _problem(path: Path, message: str, hint: str, line: int | None = None) -> Problem:
    return Problem("prices-unusable", message, Where(str(path), line), hint)
