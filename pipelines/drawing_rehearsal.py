"""Pictures of a rehearsal as inline SVG: one line an arm over the weeks."""

from collections.abc import Mapping, Sequence

from pipelines.drawing import svg
from pipelines.markup import text

COLOURS = {"policy": "#1f6feb", "published": "#d97706", "riskiest": "#c0262d", "nothing": "#8a94a0"}
# A line beneath another of the same values shows through its gaps.
DASHES = {"policy": "", "published": "6 4", "riskiest": "", "nothing": "2 3"}
# A figure with its interval, or alone; None where there is none.
Point = tuple[float | None, ...]


def by_week(lines: Mapping[str, Sequence[Point]], weeks: int, width: int = 430, height: int = 230) -> str:
    """Each arm's figure in every week, its interval shaded where it has one."""
    left, foot, top = 66, 30, 10
    every = [value for points in lines.values() for point in points for value in point if value is not None]
    low, high = min([0.0, *every]), max([0.0, *every])
    high = high if high > low else low + 1.0

    def x(week: int) -> float:
        return left + (week + 0.5) / weeks * (width - left - 8)

    def y(value: float) -> float:
        return height - foot - (value - low) / (high - low) * (height - foot - top)

    parts = []
    for k in range(5):
        value = low + k / 4 * (high - low)
        shown = f"{value:,.0f}" if high - low >= 20 else f"{value:.2f}"
        parts.append(
            f'<line class="axis" x1="{left}" x2="{width - 8}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{shown}</text>'
        )
    every_so_many = -(-weeks // 13)
    parts += [
        f'<text x="{x(week):.1f}" y="{height - 10}" text-anchor="middle">{week + 1}</text>'
        for week in range(0, weeks, every_so_many)
    ]
    for name, points in lines.items():
        there = [(week, point) for week, point in enumerate(points) if point[0] is not None]
        if all(len(point) == 3 for _, point in there) and there:
            reach = [f"{x(week):.1f},{y(_sure(point[2])):.1f}" for week, point in there]
            reach += [f"{x(week):.1f},{y(_sure(point[1])):.1f}" for week, point in reversed(there)]
            parts.append(f'<polygon points="{" ".join(reach)}" fill="{COLOURS[name]}" opacity="0.15"/>')
        shape = " ".join(f"{x(week):.1f},{y(_sure(point[0])):.1f}" for week, point in there)
        parts.append(
            f'<g><title>{text(name)}</title><polyline points="{shape}" fill="none" stroke="{COLOURS[name]}" '
            f'stroke-width="2" stroke-dasharray="{DASHES[name]}"/></g>'
        )
    return svg(width, height, parts)


def _sure(value: float | None) -> float:
    assert value is not None
    return value
