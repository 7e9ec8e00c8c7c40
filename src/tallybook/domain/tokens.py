"""Token counts as a monoid: integers that only add, and never become less than nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPONENTS: Final = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "cache_write_unknown",
    "output",
    "reasoning",
)


def _count(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    if type(value) is not int:
        message = f"{attribute.name} must be an int, not {type(value).__name__}"
        raise TypeError(message)
    if value < 0:
        message = f"{attribute.name} must not be negative, got {value}"
        raise ValueError(message)


@attrs.frozen
class TokenVector:
    """Tokens of one or many responses, in disjoint components.

    ``input`` is uncached input; ``reasoning`` is a part of ``output`` and never
    added to ``total``. A component that an agent does not log is 0 here and is
    named in the ``unreported`` list of the usage that carries the vector.
    """

    input: int = attrs.field(default=0, validator=_count)
    cache_read: int = attrs.field(default=0, validator=_count)
    cache_write_5m: int = attrs.field(default=0, validator=_count)
    cache_write_1h: int = attrs.field(default=0, validator=_count)
    cache_write_unknown: int = attrs.field(default=0, validator=_count)
    output: int = attrs.field(default=0, validator=_count)
    reasoning: int = attrs.field(default=0, validator=_count)

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
        return (
            self.input,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.cache_write_unknown,
            self.output,
            self.reasoning,
        )

    def __add__(self, other: TokenVector) -> TokenVector:
        """Component by component."""
        return TokenVector(*(a + b for a, b in zip(self.parts(), other.parts(), strict=True)))

    def growth_since(self, earlier: TokenVector) -> TokenVector:
        """What was added since ``earlier``; a component that fell counts 0."""
        return TokenVector(*(max(a - b, 0) for a, b in zip(self.parts(), earlier.parts(), strict=True)))

    def covers(self, other: TokenVector) -> bool:
        """Whether no component is smaller than in ``other``."""
        return all(a >= b for a, b in zip(self.parts(), other.parts(), strict=True))

    def __bool__(self) -> bool:
        """Whether any component is more than 0."""
        return any(self.parts())


ZERO: Final = TokenVector()


def total_of(vectors: Iterable[TokenVector]) -> TokenVector:
    """The sum of all vectors; of none, the zero vector."""
    sums = [0] * len(COMPONENTS)
    for vector in vectors:
        for index, part in enumerate(vector.parts()):
            sums[index] += part
    return TokenVector(*sums)
