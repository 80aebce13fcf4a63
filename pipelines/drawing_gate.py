"""Pictures of the gate's page as inline SVG: who earns more, money reached by depth, promises kept."""

from collections.abc import Sequence

from decisions.evidence import Earned
from models.outcome import NORMAL_95
from models.segment import Segment
from pipelines.drawing import svg
from pipelines.gate_money import Curves
from pipelines.markup import text

OURS, THEIRS, WRONG, UNCLEAR = "#1f6feb", "#8a94a0", "#c0262d", "#d97706"


def ahead(earned: Earned, margin: float, units: float, width: int = 230, height: int = 54) -> str:
    """Challenger less rival with its interval, the margin shaded; amounts in units of the currency. Red:
    surely behind; orange: it cannot be told."""
    found, allowed = earned.ahead, margin * abs(earned.scale)
    low, high = min(found.low, -allowed, 0.0), max(found.high, allowed, 0.0)
    room = (high - low) or 1.0
    low, high = low - 0.06 * room, high + 0.06 * room

    def x(value: float) -> float:
        return 8 + (value - low) / (high - low) * (width - 16)

    clear = found.low > min(-allowed, -1e-12) or found.low >= 0
    colour = OURS if clear else WRONG if found.high < 0 else UNCLEAR
    middle = 20
    parts = [
        f'<rect x="{x(-allowed):.1f}" y="6" width="{x(0) - x(-allowed):.1f}" height="28" fill="#e8eef7"/>',
        f'<line class="axis" x1="8" x2="{width - 8}" y1="{middle}" y2="{middle}"/>',
        f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="36" stroke="#1d2733" stroke-width="1.2"/>',
        f'<line x1="{x(found.low):.1f}" x2="{x(found.high):.1f}" y1="{middle}" y2="{middle}" '
        f'stroke="{colour}" stroke-width="4" opacity="0.5"/>',
        f'<circle cx="{x(found.value):.1f}" cy="{middle}" r="5" fill="{colour}"/>',
        f'<text x="{x(0):.1f}" y="49" text-anchor="middle">0</text>',
    ]
    parts += [
        f'<text x="{x(value):.1f}" y="49" text-anchor="middle">{value / units:+,.2f}</text>'
        for value in (found.low, found.high)
        if abs(x(value) - x(0)) > 30
    ]
    return svg(width, height, parts)


def money_curves(curves: Curves, depth: float, units: float, names: tuple[str, str], size: int = 400) -> str:
    """Money of leavers reached by contacting those with most to lose, a customer of the base."""
    left, foot, top = 62, 40, 12
    highest = max(*curves.ours, *curves.theirs, 1e-9)

    def x(share: float) -> float:
        return left + share * (size - left - 14)

    def y(amount: float) -> float:
        return size - foot - amount / highest * (size - foot - top)

    parts = []
    for k in range(5):
        share = k / 4
        parts += [
            f'<line class="axis" x1="{x(0):.1f}" x2="{x(1):.1f}" y1="{y(share * highest):.1f}" '
            f'y2="{y(share * highest):.1f}"/>',
            f'<text x="{left - 6}" y="{y(share * highest) + 4:.1f}" text-anchor="end">'
            f"{share * highest / units:,.1f}</text>",
            f'<text x="{x(share):.1f}" y="{size - foot + 16}" text-anchor="middle">{share:.0%}</text>',
        ]
    parts.append(
        f'<line x1="{x(depth):.1f}" x2="{x(depth):.1f}" y1="{top}" y2="{size - foot}" stroke="#d97706" '
        f'stroke-dasharray="4 4"/><text x="{x(0.5):.1f}" y="{size - 6}" text-anchor="middle">'
        "share contacted, most to lose first 按预期损失触达比例</text>"
    )
    for place, (colour, amounts, name) in enumerate(
        ((THEIRS, curves.theirs, names[1]), (OURS, curves.ours, names[0]))
    ):
        points = " ".join(f"{x(s):.1f},{y(a):.1f}" for s, a in zip(curves.depth, amounts, strict=True))
        line = 26 + 17 * place
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<rect x="{left + 12}" y="{line - 9}" width="11" height="11" fill="{colour}"/>'
            f'<text x="{left + 28}" y="{line}">{text(name)}</text>'
        )
    return svg(size, size, parts)


def promises(curves: Curves, names: tuple[str, str], size: int = 400) -> str:
    """Promised against what happened, in tenths by promise, with 95 % intervals of the challenger's."""
    left, foot, top = 52, 40, 12
    room = size - left - 14

    def x(share: float) -> float:
        return left + share * room

    def y(share: float) -> float:
        return size - foot - share * (size - foot - top)

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
        "left 实际流失</text>"
    )
    for place, (colour, tenths, name) in enumerate(
        ((THEIRS, curves.tenths_before, names[1]), (OURS, curves.tenths, names[0]))
    ):
        if not tenths:
            continue
        points = " ".join(f"{x(each[0]):.1f},{y(each[1]):.1f}" for each in tenths)
        line = 26 + 17 * place
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
            f'<rect x="{left + 12}" y="{line - 9}" width="11" height="11" fill="{colour}"/>'
            f'<text x="{left + 28}" y="{line}">{text(name)}</text>'
        )
        for promised, happened, low, high in tenths:
            if colour == OURS:
                parts.append(
                    f'<line x1="{x(promised):.1f}" x2="{x(promised):.1f}" y1="{y(low):.1f}" '
                    f'y2="{y(high):.1f}" stroke="{colour}" stroke-width="1.5"/>'
                )
            parts.append(f'<circle cx="{x(promised):.1f}" cy="{y(happened):.1f}" r="3" fill="{colour}"/>')
    return svg(size, size, parts)


def gap(segment: Segment, bound: float, broken: Sequence[Segment], width: int = 260, height: int = 22) -> str:
    """Promise less what happened, with its 95 % interval, inside the band of the bound."""
    reach = 2 * bound

    def x(value: float) -> float:
        return width / 2 + max(-1.0, min(1.0, value / reach)) * (width / 2 - 6)

    middle, colour = height / 2, WRONG if segment in broken else OURS
    low, high = segment.gap - NORMAL_95 * segment.error, segment.gap + NORMAL_95 * segment.error
    return svg(
        width,
        height,
        [
            f'<rect x="{x(-bound):.1f}" y="3" width="{x(bound) - x(-bound):.1f}" height="{height - 6}" '
            'fill="#eef1f4"/>',
            f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="1" y2="{height - 1}" stroke="#8a94a0"/>',
            f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{middle}" y2="{middle}" stroke="{colour}" '
            'stroke-width="3" opacity="0.45"/>',
            f'<circle cx="{x(segment.gap):.1f}" cy="{middle}" r="4" fill="{colour}"/>',
        ],
    )
