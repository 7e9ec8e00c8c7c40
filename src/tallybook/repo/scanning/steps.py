"""How many steps a regular expression takes at most from one place of a text, told from its form alone.

Standard library only. The bound holds for every text. It is what a backtracking matcher does in the worst case: where a
repetition can end in several places and what follows may begin with the same characters, each end is tried in turn.
"""

from __future__ import annotations

from importlib import import_module
from re import IGNORECASE
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDEST = 4096
"""Characters that are looked at together; a repetition without a bound ends there."""
_CAP = 10**15
_ALL = (1 << 257) - 1
"""Sets of characters are bits: one for each of the first 256, and one for all others."""
_OTHER = 1 << 256
_SPACE = sum(1 << code for code in (*range(9, 14), *range(28, 33), 0x85, 0xA0))
_DIGITS = sum(1 << code for code in range(48, 58))
_WORD = sum(1 << code for code in range(256) if chr(code).isalnum() or chr(code) == "_")
_CATEGORIES = {"SPACE": _SPACE | _OTHER, "DIGIT": _DIGITS | _OTHER, "WORD": _WORD | _OTHER}
_SURE = {"SPACE": sum(1 << code for code in (*range(9, 14), 32)), "DIGIT": _DIGITS}
_SURE["WORD"] = sum(1 << code for code in range(128) if chr(code).isalnum() or chr(code) == "_")
"""What a category holds with every flag."""
_STRAY = sum(1 << code for code in (*map(ord, "IKSiks"), *range(128, 256)))
"""Letters that are another case of letters beyond the first 256, as the sign of the kelvin is of k."""

_CHARACTERS = {"LITERAL", "NOT_LITERAL", "IN", "ANY", "ANY_ALL"}
_REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
_CHOICES = {"BRANCH", "GROUPREF_EXISTS"}

Node = tuple[object, object]


class _Form(NamedTuple):
    """What is known of a part of an expression."""

    steps: int
    """To find out all its ways."""
    ways: int
    """How often what follows may be tried."""
    first: int
    """What it can begin with."""
    empty: bool
    """Whether it can match nothing."""


_NOTHING = _Form(0, 1, 0, empty=True)


class Bound(NamedTuple):
    """What a whole expression can come to."""

    steps: int
    """From one place of a text; 10¹⁵ stands for more."""
    empty: bool
    """Whether it can match nothing at all."""


def bound(pattern: str, flags: int = 0) -> Bound:
    """The bound of an expression.

    Raises:
        re.error: it is none.
        RecursionError: it is nested too deep.
        OverflowError: a number in it is too large.
    """
    parsed = import_module("re._parser").parse(pattern, flags)
    folds = bool(parsed.state.flags & IGNORECASE)
    form = _Reading(folds).sequence(cast("Sequence[Node]", parsed), 0)
    return Bound(form.steps, form.empty)


class _Reading(NamedTuple):
    """Walks through a parsed expression, from its end to its beginning."""

    folds: bool
    """Whether case is ignored."""

    def sequence(self, nodes: Iterable[Node], follow: int) -> _Form:
        """A sequence in front of something that begins with ``follow``; 0 where nothing can fail any more."""
        rest = _NOTHING
        for operation, content in reversed(list(nodes)):
            behind = rest.first | follow if rest.empty else rest.first
            one = self._node(str(operation), content, behind)
            steps = min(one.steps + one.ways * max(rest.steps, 1), _CAP)
            first = one.first | rest.first if one.empty else one.first
            rest = _Form(steps, min(one.ways * rest.ways, _CAP), first, one.empty and rest.empty)
        return rest

    def _node(self, operation: str, content: object, follow: int) -> _Form:
        if operation in _CHARACTERS:
            return _Form(1, 1, self._characters(operation, content), empty=False)
        if operation in _REPEATS:
            least, most, inner = cast("tuple[int, int, Sequence[Node]]", content)
            counts = int(least), min(int(most), WIDEST)
            possessive = operation == "POSSESSIVE_REPEAT"
            return self._possessive(counts, inner) if possessive else self._repeated(counts, inner, follow)
        if operation in _CHOICES:
            return _either([self.sequence(one, follow) for one in _choices(operation, content)])
        if operation == "SUBPATTERN":
            _, added, _, inner = cast("tuple[object, int, int, Sequence[Node]]", content)
            return _Reading(self.folds or bool(added & IGNORECASE)).sequence(inner, follow)
        if operation == "ATOMIC_GROUP":
            return self.sequence(cast("Sequence[Node]", content), _ALL)._replace(ways=1)
        return self._without_width(operation, content)

    def _without_width(self, operation: str, content: object) -> _Form:
        """A look around, a place, or a reference to a group, which may be as long as all that is looked at."""
        steps = 1 if operation == "AT" else WIDEST
        if operation in {"ASSERT", "ASSERT_NOT"}:
            _, inner = cast("tuple[int, Sequence[Node]]", content)
            steps = self.sequence(inner, _ALL).steps + 1
        return _Form(steps, 1, _ALL, empty=True)

    def _repeated(self, counts: tuple[int, int], inner: Sequence[Node], follow: int) -> _Form:
        least, most = counts
        bare = self.sequence(inner, _ALL)
        one = self.sequence(inner, bare.first | follow if most > 1 else follow)
        clear = not one.empty and not one.first & follow
        ends = 1 if clear else most - least + 1
        if one.ways == 1:
            steps, ways = most * (one.steps + 1) + 1, ends
        else:
            ways = min(_power(one.ways, most) * ends, _CAP)
            steps = min(ways * (one.steps + 1), _CAP)
        return _Form(steps, ways, one.first, empty=least == 0 or one.empty)

    def _possessive(self, counts: tuple[int, int], inner: Sequence[Node]) -> _Form:
        least, most = counts
        one = self.sequence(inner, _ALL)
        return _Form(min(most * (one.steps + 1) + 1, _CAP), 1, one.first, empty=least == 0 or one.empty)

    def _characters(self, operation: str, content: object) -> int:
        if operation in {"ANY", "ANY_ALL"}:
            return _ALL
        if operation == "LITERAL":
            return self._folded(_bit(cast("int", content)))
        if operation == "NOT_LITERAL":
            return _without(_bit(cast("int", content)))
        found, negated, sure = 0, False, 0
        for inner, value in cast("Sequence[Node]", content):
            kind = str(inner)
            if kind == "NEGATE":
                negated = True
            elif kind == "LITERAL":
                found |= _bit(cast("int", value))
                sure |= _bit(cast("int", value)) & ~_OTHER
            elif kind == "RANGE":
                low, high = cast("tuple[int, int]", value)
                span = _span(low, high)
                found |= span
                sure |= span & ~_OTHER
            else:
                most, least = _category(str(value))
                found |= most
                sure |= least
        return _ALL & ~sure if negated else self._folded(found)

    def _folded(self, found: int) -> int:
        if not self.folds:
            return found
        letters = [code for code in range(256) if found >> code & 1]
        cased = "".join(chr(code).lower() + chr(code).upper() for code in letters)
        return found | sum({_bit(ord(letter)) for letter in cased} - {_OTHER}) | (_OTHER if found & _STRAY else 0)


def _choices(operation: str, content: object) -> Sequence[Sequence[Node]]:
    if operation == "BRANCH":
        return cast("tuple[object, Sequence[Sequence[Node]]]", content)[1]
    _, yes, no = cast("tuple[object, Sequence[Node], Sequence[Node] | None]", content)
    return yes, no or ()


def _either(forms: Sequence[_Form]) -> _Form:
    """One of several: where no two can begin alike, one way alone is left."""
    apart, seen = True, 0
    for form in forms:
        apart = apart and not form.empty and not form.first & seen
        seen |= form.first
    ways = max(form.ways for form in forms) if apart else sum(form.ways for form in forms)
    steps = sum(form.steps + 1 for form in forms)
    return _Form(min(steps, _CAP), min(ways, _CAP), seen, any(form.empty for form in forms))


def _power(base: int, exponent: int) -> int:
    return _CAP if exponent * (base.bit_length() - 1) > _CAP.bit_length() else min(base**exponent, _CAP)


def _bit(code: int) -> int:
    return 1 << code if code < 256 else _OTHER  # noqa: PLR2004 - the bits that there are


def _without(bits: int) -> int:
    return _ALL if bits == _OTHER else _ALL & ~bits


def _span(low: int, high: int) -> int:
    inside = sum(1 << code for code in range(low, min(high, 255) + 1))
    return inside | _OTHER if high > 255 else inside  # noqa: PLR2004 - the bits that there are


def _category(name: str) -> tuple[int, int]:
    """All that a category may hold, and all that it holds for certain."""
    kind = name.rpartition("_")[2]
    most, least = _CATEGORIES.get(kind, _ALL), _SURE.get(kind, 0)
    return (_ALL & ~least, _ALL & ~most) if "_NOT_" in name else (most, least)
