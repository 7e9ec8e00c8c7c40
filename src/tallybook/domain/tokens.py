"""Token counts as a monoid: integers that only add, and never become less than nothing."""

from __future__ import annotations

from operator import add, attrgetter, sub
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


class TokenVector(msgspec.Struct, frozen=True, gc=False):
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
        """Refuse what is no count; spelled out, for there are very many vectors."""
        a, b, c, d = self.input, self.cache_read, self.cache_write_5m, self.cache_write_1h
        e, f, g = self.cache_write_unknown, self.output, self.reasoning
        same = type(a) is type(b) is type(c) is type(d) is type(e) is type(f) is type(g) is int
        # One negative part makes the union of all bits negative.
        if not same or (a | b | c | d | e | f | g) < 0:
            raise _no_count(self)

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
        if self.covers(earlier):
            return TokenVector(*map(sub, _parts(self), _parts(earlier)))
        return TokenVector(*(max(part, 0) for part in map(sub, _parts(self), _parts(earlier))))

    def covers(self, other: TokenVector) -> bool:
        """Whether no component is smaller than in ``other``."""
        return (
            self.input >= other.input
            and self.cache_read >= other.cache_read
            and self.cache_write_5m >= other.cache_write_5m
            and self.cache_write_1h >= other.cache_write_1h
            and self.cache_write_unknown >= other.cache_write_unknown
            and self.output >= other.output
            and self.reasoning >= other.reasoning
        )

    def __bool__(self) -> bool:
        """Whether any component is more than 0."""
        return any(self.parts())


def _no_count(vector: TokenVector) -> ValueError | TypeError:
    pairs = zip(COMPONENTS, _parts(vector), strict=True)
    name, part = next((name, part) for name, part in pairs if type(part) is not int or part < 0)
    message = f"{name} must be a count, an int that is not negative, and not {part!r}"
    return ValueError(message) if type(part) is int else TypeError(message)


_parts: Final[Callable[[TokenVector], tuple[int, ...]]] = attrgetter(*COMPONENTS)
ZERO: Final = TokenVector()


def total_of(vectors: Iterable[TokenVector]) -> TokenVector:
    """The sum of all vectors; of none, the zero vector."""
    some = tuple(vectors)
    if len(some) < 2:  # noqa: PLR2004 - nothing to add
        return some[0] if some else ZERO
    return TokenVector(*map(sum, zip(*map(_parts, some), strict=True)))
