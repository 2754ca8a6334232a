"""
Two windows of one event compared, figure by figure, each with a test and a size.

    figure                        test                                               told from
    null-rate                     chi-square; Fisher's exact if few are expected  2 points
    types                         the same, of the types                             2 % of the values
    new-value, vanished-value     Fisher's exact, of a text that one window lacks    5 times, of at most 50 texts
    cardinality                   normal, of distinct values in equal draws          half as many again
    quantiles                     two-sample Kolmogorov–Smirnov, of the numbers      a distance of 0.1
    length                        the same, of the lengths of texts                  a distance of 0.1

Events of one person are alike, so counts enter a test as those of so many equally busy people (`people.sql`). All
tests of a run are corrected together by Benjamini and Hochberg's procedure (`significant`): with nothing changed, one
run in a hundred raises anything at all, however many properties there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from trackway_analytics.plan_data.profile import Profile, PropertyProfile, may_be_shown

FALSE_ALARMS = 0.01
"""The share of false alarms among the changes told, and of runs that raise any where nothing changed."""
FEW_VALUES = 50
LEAST_OF_A_VALUE = 5
LEAST_POINTS = 0.02
LEAST_DISTANCE = 0.1
LEAST_RATIO = 1.5
_LEAST_EXPECTED = 5

Pairs = Sequence[tuple[float, float]]
"""(value, how often), in rising order of values."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One comparison: how unlikely the difference is by chance, and whether it is large enough to tell."""

    event: str
    path: str
    figure: str
    p: float
    large: bool
    before: str
    after: str
    value: str = ""
    """Of a new or vanished value: the value, where it may be shown."""


def shifts(before: Profile, after: Profile, minimum: int) -> Iterator[Shift]:
    """
    Every comparison between two windows of one event that has enough behind it on both sides.

    Args:
        minimum: people (or events of nobody) that a figure needs in each window.
    """
    if before.events * before.independent < minimum or after.events * after.independent < minimum:
        return
    for path in sorted({**before.properties, **after.properties}):
        old = before.properties.get(path) or _absent(path, after)
        new = after.properties.get(path) or _absent(path, before)
        pair = _Pair(before, after, old, new, minimum)
        for compare in _FIGURES:
            yield from compare(pair)


def significant(found: Sequence[Shift], rate: float = FALSE_ALARMS) -> list[Shift]:
    """The shifts that stand Benjamini and Hochberg's procedure at `rate` over all of them, and are large enough."""
    order = sorted(found, key=lambda shift: shift.p)
    last = max((rank for rank, shift in enumerate(order, 1) if shift.p <= rate * rank / len(order)), default=0)
    return [shift for shift in order[:last] if shift.large]


@dataclass(frozen=True)
class _Pair:
    before: Profile
    after: Profile
    old: PropertyProfile
    new: PropertyProfile
    minimum: int

    def shift(self, figure: str, p: float, large: bool, before: str, after: str, value: str = "") -> Shift:
        return Shift(self.after.event, self.new.path, figure, p, large, before, after, value)

    @property
    def factors(self) -> tuple[float, float]:
        return self.before.independent, self.after.independent

    def enough(self, old: float, new: float) -> bool:
        return old * self.factors[0] >= self.minimum and new * self.factors[1] >= self.minimum


def _null_rate(pair: _Pair) -> Iterator[Shift]:
    old_all, new_all = pair.before.possible(pair.old), pair.after.possible(pair.new)
    if pair.old.path.endswith("[]") or not pair.enough(old_all, new_all):
        return
    old, new = 1 - pair.old.present / old_all, 1 - pair.new.present / new_all
    p = _table_p(
        [
            [pair.old.present * pair.factors[0], (old_all - pair.old.present) * pair.factors[0]],
            [pair.new.present * pair.factors[1], (new_all - pair.new.present) * pair.factors[1]],
        ]
    )
    yield pair.shift("null-rate", p, abs(new - old) >= LEAST_POINTS, f"{old:.1%} absent", f"{new:.1%} absent")


def _types(pair: _Pair) -> Iterator[Shift]:
    kinds = sorted(({*pair.old.kinds} | {*pair.new.kinds}) - {"null"})
    # A number without a fraction is still one: 3 and 3.5 are written so by the same program.
    if not pair.enough(pair.old.present, pair.new.present) or len(kinds) < 2 or kinds == ["int", "number"]:
        return
    table = [
        [profile.kinds.get(kind, 0) * factor for kind in kinds]
        for profile, factor in zip((pair.old, pair.new), pair.factors, strict=True)
    ]
    shares = [[count / sum(row) for count in row] for row in table]
    moved = sum(abs(a - b) for a, b in zip(*shares, strict=True)) / 2
    before, after = (
        ", ".join(f"{kind} {share:.1%}" for kind, share in zip(kinds, row, strict=True) if share) for row in shares
    )
    yield pair.shift("types", _table_p(table), moved >= LEAST_POINTS, before, after)


def _values(pair: _Pair) -> Iterator[Shift]:
    old, new = pair.old.by_value, pair.new.by_value
    if not pair.enough(pair.old.present, pair.new.present) or len({*old, *new}) > FEW_VALUES:
        return
    for key in sorted({*old, *new}, key=str):
        kind, value = key
        if kind != "string":
            continue
        held = new.get(key) or old[key]
        # A value that both windows have is tested too: leaving it out would pick the tests by their outcome.
        in_both = key in old and key in new
        figure = "share" if in_both else "new-value" if key in new else "vanished-value"
        (had, has), (f, g) = (old[key].count if key in old else 0, new[key].count if key in new else 0), pair.factors
        p = _table_p([[had * f, (pair.old.present - had) * f], [has * g, (pair.new.present - has) * g]])
        shown = str(value) if may_be_shown(str(value), held) else ""
        told = f"{had:,.0f} of {pair.old.present:,.0f}", f"{has:,.0f} of {pair.new.present:,.0f}"
        yield pair.shift(figure, p, not in_both and held.count >= LEAST_OF_A_VALUE, *told, value=shown)


def _cardinality(pair: _Pair) -> Iterator[Shift]:
    if max(pair.old.distinct, pair.new.distinct) <= FEW_VALUES or not pair.enough(pair.old.present, pair.new.present):
        return
    counts = [[held.count for held in one.by_value.values()] for one in (pair.old, pair.new)]
    size = min(sum(each) * factor for each, factor in zip(counts, pair.factors, strict=True)) / 2
    (a, spread_a), (b, spread_b) = (_rarefied(each, size) for each in counts)
    spread = math.sqrt(spread_a + spread_b)
    p = math.erfc(abs(a - b) / spread / math.sqrt(2)) if spread else 1.0
    ratio = max(a, b) / min(a, b) if min(a, b) else math.inf
    told = (f"{each:,.0f} distinct values in {size:,.0f}" for each in (a, b))
    yield pair.shift("cardinality", p, ratio >= LEAST_RATIO, *told)


def _quantiles(pair: _Pair) -> Iterator[Shift]:
    yield from _distributions(pair, "quantiles", pair.old.numbers(), pair.new.numbers())


def _length(pair: _Pair) -> Iterator[Shift]:
    if max(pair.old.distinct, pair.new.distinct) > FEW_VALUES:
        yield from _distributions(pair, "length", pair.old.lengths(), pair.new.lengths())


def _distributions(pair: _Pair, figure: str, old: Pairs, new: Pairs) -> Iterator[Shift]:
    sizes = [sum(count for _, count in each) for each in (old, new)]
    if not pair.enough(*sizes):
        return
    distance = ks_distance(old, new)
    n, m = sizes[0] * pair.factors[0], sizes[1] * pair.factors[1]
    told = (
        f"median {quantile(each, 0.5):,.6g}, 5–95 % {quantile(each, 0.05):,.6g} to {quantile(each, 0.95):,.6g}"
        for each in (old, new)
    )
    yield pair.shift(figure, _ks_p(distance, n, m), distance >= LEAST_DISTANCE, *told)


_FIGURES: tuple[Callable[[_Pair], Iterator[Shift]], ...] = (
    _null_rate,
    _types,
    _values,
    _cardinality,
    _quantiles,
    _length,
)


def quantile(pairs: Pairs, share: float) -> float:
    """The least value that `share` of all do not exceed."""
    total, running = sum(count for _, count in pairs), 0.0
    for value, count in pairs:
        running += count
        if running >= share * total:
            return value
    return math.nan


def ks_distance(old: Pairs, new: Pairs) -> float:
    """The largest difference between two cumulative distributions, between 0 and 1."""
    a, b = dict(old), dict(new)
    total_a, total_b = sum(a.values()), sum(b.values())
    part_a = part_b = widest = 0.0
    for value in sorted({*a, *b}):
        part_a += a.get(value, 0) / total_a
        part_b += b.get(value, 0) / total_b
        widest = max(widest, abs(part_a - part_b))
    return widest


def _ks_p(distance: float, n: float, m: float) -> float:
    from scipy.stats import kstwobign

    return float(kstwobign.sf(distance * math.sqrt(n * m / (n + m))))


def _table_p(table: list[list[float]]) -> float:
    """The chance of a table of counts like this, or more uneven, where both rows have the same shares."""
    import numpy as np
    from scipy.stats import chi2_contingency, fisher_exact

    columns = sorted((column for column in zip(*table, strict=True) if sum(column)), key=sum)
    if len(columns) < 2 or not all(map(sum, table)):
        return 1.0
    # The chi-square distribution holds where at least 5 are expected: rare kinds are counted as one until they are.
    while len(columns) > 2 and _least_expected(columns) < _LEAST_EXPECTED:
        (a, b), (c, d), *rest = columns
        columns = sorted([(a + c, b + d), *rest], key=sum)
    rows = np.array([list(row) for row in zip(*columns, strict=True)])
    if _least_expected(columns) < _LEAST_EXPECTED:
        return float(fisher_exact(np.rint(rows).astype(int)).pvalue)
    return float(chi2_contingency(rows, correction=False).pvalue)


def _least_expected(columns: Sequence[Sequence[float]]) -> float:
    rows = [sum(row) for row in zip(*columns, strict=True)]
    return float(min(rows) * min(map(sum, columns)) / sum(rows))


def _rarefied(counts: Sequence[float], size: float) -> tuple[float, float]:
    """The distinct values to expect in `size` draws, and the variance of that number (Poisson sampling)."""
    total = sum(counts)

    def expected(draws: float) -> float:
        return sum(-math.expm1(-draws * count / total) for count in counts)

    at_size = expected(size)
    return at_size, max(expected(2 * size) - at_size, 0.0)


def _absent(path: str, other: Profile) -> PropertyProfile:
    return PropertyProfile(path, parent=other.properties[path].parent)
