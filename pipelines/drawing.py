"""Small pictures as inline SVG: distributions, arrivals, promises against what happened."""

from collections.abc import Sequence

from models.comparison import Drift
from models.drift import shares
from models.outcome import Outcome, Part
from pipelines.markup import text

COLOURS = ("#9fb4cc", "#8aa5c4", "#7094bd", "#5684b6", "#3b74d0", "#1f6feb")


def distribution(drift: Drift, width: int, height: int, labels: Sequence[str] = ()) -> str:
    """Bins side by side: training grey, this week blue inside it, last week a line across; the missing apart.

    labels: what to write between the bins of values, one less than there are; none where there is no room.
    """
    before, now = shares(drift.before), shares(drift.now)
    last = shares(drift.last) if drift.last is not None else None
    used = [
        k
        for k in range(len(now))
        if drift.before[k] or drift.now[k] or (drift.last is not None and drift.last[k])
    ]
    highest = max(float(each[k]) for each in (before, now, last) if each is not None for k in used)
    foot = 16 if labels else 1
    room, tall = width / max(len(used), 1), height - foot - 2
    parts = []
    for place, k in enumerate(used):
        x, missing = place * room, k == len(now) - 1

        def high(share: float) -> float:
            return max(share / highest * tall, 0.75 if share > 0 else 0.0)

        told = f"{before[k]:.1%} → {now[k]:.1%}"
        parts.append(f"<g><title>{text(told)}</title>")
        for share, kind, inset in ((before[k], "b", 0.05), (now[k], "gone" if missing else "w", 0.27)):
            parts.append(
                f'<rect class="{kind}" x="{x + room * inset:.1f}" y="{height - foot - high(share):.1f}" '
                f'width="{room * (1 - 2 * inset):.1f}" height="{high(share):.1f}"/>'
            )
        if last is not None:
            y = height - foot - high(last[k])
            parts.append(
                f'<line class="l" x1="{x + room * 0.05:.1f}" x2="{x + room * 0.95:.1f}" y1="{y:.1f}" '
                f'y2="{y:.1f}"/>'
            )
        parts.append("</g>")
        if labels and k < len(labels):
            parts.append(
                f'<text x="{x + room:.1f}" y="{height - 3}" text-anchor="middle">{text(labels[k])}</text>'
            )
    return svg(width, height, parts)


def arrivals(weeks: Sequence[int], width: int = 190, height: int = 30) -> str:
    """Rows a week, the latest on the right."""
    highest = max(*weeks, 1)
    room = width / len(weeks)
    parts = []
    for k, rows in enumerate(reversed(weeks)):
        high = max(rows / highest * (height - 2), 0.75 if rows else 0)
        kind = "w" if k == len(weeks) - 1 else "b"
        parts.append(
            f'<rect class="{kind}" x="{k * room + 0.5:.1f}" y="{height - high:.1f}" width="{room - 1:.1f}" '
            f'height="{high:.1f}"><title>{rows:,}</title></rect>'
        )
    return svg(width, height, parts)


def calibration(outcomes: Sequence[Outcome], names: Sequence[str], size: int = 430) -> str:
    """Promised against what happened, in tenths by promise, with 95 % intervals; the latest strongest."""
    left, foot = 58, 40
    room = size - left - 24

    def x(share: float) -> float:
        return left + share * room

    def y(share: float) -> float:
        return size - foot - share * (size - foot - 12)

    parts = []
    for k in range(6):
        share = k / 5
        parts += [
            f'<line class="axis" x1="{x(0):.1f}" x2="{x(1):.1f}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>',
            f'<text x="{left - 6}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>',
            f'<text x="{x(share):.1f}" y="{size - foot + 16}" text-anchor="middle">{share:.0%}</text>',
        ]
    parts.append(
        f'<line class="kept" x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(1):.1f}" y2="{y(1):.1f}"/>'
        f'<text x="{x(0.5):.1f}" y="{size - 6}" text-anchor="middle">promised 预测</text>'
        f'<text x="12" y="{y(0.5):.1f}" text-anchor="middle" transform="rotate(-90 12 {y(0.5):.1f})">'
        "happened 实际</text>"
    )
    for colour, outcome, name in zip(COLOURS[-len(outcomes) :], outcomes, names, strict=True):
        newest = outcome is outcomes[-1]
        thick = 2 if newest else 1.2
        points = " ".join(f"{x(each.promised):.1f},{y(each.happened):.1f}" for each in outcome.tenths)
        parts.append(
            f'<g opacity="{1 if newest else 0.6}"><title>{text(name)}</title>'
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{thick}"/>'
        )
        for each in outcome.tenths:
            at = f"{x(each.promised):.1f}"
            if newest:
                parts.append(
                    f'<line x1="{at}" x2="{at}" y1="{y(each.low):.1f}" y2="{y(each.high):.1f}" '
                    f'stroke="{colour}" stroke-width="1.5"/>'
                )
            parts.append(
                f'<circle cx="{at}" cy="{y(each.happened):.1f}" r="{3.5 if newest else 2}" fill="{colour}"/>'
            )
        parts.append("</g>")
    for k, (colour, name) in enumerate(zip(COLOURS[-len(outcomes) :], names, strict=True)):
        line = 22 + 16 * k
        parts.append(
            f'<rect x="{left + 10}" y="{line - 8}" width="10" height="10" fill="{colour}"/>'
            f'<text x="{left + 26}" y="{line + 1}">{text(name)}</text>'
        )
    return svg(size, size, parts)


def kept_or_not(part: Part, width: int = 300, height: int = 22) -> str:
    """One slice: promised (ring) against what happened (dot) with its interval, from 0 to 100 %."""
    middle, room = height / 2, width - 12

    def x(share: float) -> str:
        return f"{6 + share * room:.1f}"

    colour = "#c0262d" if part.sure else "#1f6feb"
    return svg(
        width,
        height,
        [
            f'<line class="axis" x1="6" x2="{width - 6}" y1="{middle}" y2="{middle}"/>',
            f'<line x1="{x(part.low)}" x2="{x(part.high)}" y1="{middle}" y2="{middle}" stroke="{colour}" '
            'stroke-width="3" opacity="0.45"/>',
            f'<circle cx="{x(part.happened)}" cy="{middle}" r="4" fill="{colour}"/>',
            f'<circle cx="{x(part.promised)}" cy="{middle}" r="5" fill="none" stroke="#1d2733" '
            'stroke-width="1.6"/>',
        ],
    )


def svg(width: float, height: float, parts: Sequence[str]) -> str:
    """The parts as one picture."""
    return (
        f'<svg width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" role="img">'
        + "".join(parts)
        + "</svg>"
    )
