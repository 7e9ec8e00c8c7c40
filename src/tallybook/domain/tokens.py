"""Token counts as a monoid: integers that only add, and never become less than nothing."""

from __future__ import annotations

from operator import add, attrgetter, ge, sub
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COMPONENTS: Final = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "cache_write_unknown",
    "output",
    "reasoning",
)


class TokenVector(msgspec.Struct, frozen=True):
    """Tokens of one or many responses, in disjoint components.

    ``input`` is uncached input; ``reasoning`` is a part of ``output`` and never
    added to ``total``. A component that an agent does not log is 0 here and is
    named in the ``unreported`` list of the usage that carries the vector.
    """

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_write_unknown: int = 0
    output: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no count; one look at all parts, for there are very many vectors."""
        parts = _parts(self)
        if {*map(type, parts)} != _INT or min(parts) < 0:
            name, part = next(pair for pair in zip(COMPONENTS, parts, strict=True) if not _is_count(pair[1]))
            message = f"{name} must be a count, an int that is not negative, and not {part!r}"
            raise (ValueError if type(part) is int else TypeError)(message)

    @property
    def cache_write(self) -> int:
        """Tokens written to a cache, whatever their time to live."""
        return self.cache_write_5m + self.cache_write_1h + self.cache_write_unknown

    @property
    def total(self) -> int:
        """``input + cache_read + cache_write + output``."""
        return self.input + self.cache_read + self.cache_write + self.output

    @property
    def context(self) -> int:
        """Everything sent to the model: input, cached or not."""
        return self.input + self.cache_read + self.cache_write

    def parts(self) -> tuple[int, ...]:
        """The stored components in the order of ``COMPONENTS``."""
        return _parts(self)

    def __add__(self, other: TokenVector) -> TokenVector:
        """Component by component."""
        return TokenVector(*map(add, _parts(self), _parts(other)))

    def growth_since(self, earlier: TokenVector) -> TokenVector:
        """What was added since ``earlier``; a component that fell counts 0."""
        grown = tuple(map(sub, _parts(self), _parts(earlier)))
        return TokenVector(*(grown if min(grown) >= 0 else (max(part, 0) for part in grown)))

    def covers(self, other: TokenVector) -> bool:
        """Whether no component is smaller than in ``other``."""
        return all(map(ge, _parts(self), _parts(other)))

    def __bool__(self) -> bool:
        """Whether any component is more than 0."""
        return any(self.parts())


def _is_count(part: object) -> bool:
    return type(part) is int and part >= 0


_parts: Final[Callable[[TokenVector], tuple[int, ...]]] = attrgetter(*COMPONENTS)
_INT: Final = {int}
ZERO: Final = TokenVector()


def total_of(vectors: Iterable[TokenVector]) -> TokenVector:
    """The sum of all vectors; of none, the zero vector."""
    some = tuple(vectors)
    if len(some) < 2:  # noqa: PLR2004 - nothing to add
        return some[0] if some else ZERO
    return TokenVector(*map(sum, zip(*map(_parts, some), strict=True)))
