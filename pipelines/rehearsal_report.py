"""What a rehearsal says to people: its tables."""

from typing import Any

import numpy as np

from pipelines.terminal import grid

WHOLE = "No limit, cap, consent or holdout was broken."


def render(result: dict[str, Any]) -> list[Any]:
    units, currency = result["money"]["minor_units"], result["money"]["currency"]

    def money(minor: float) -> str:
        return f"{minor / units:,.2f}"

    def between(each: dict[str, float]) -> str:
        return f"{money(each['value'])} ({money(each['low'])} to {money(each['high'])})"

    arms = result["arms"]
    lines: list[tuple[str, Any]] = [
        (f"net value beside nothing, {currency}", lambda a: between(a["net_value"])),
        ("margin of orders", lambda a: money(a["margin"])),
        ("rewards redeemed", lambda a: money(a["rewards"])),
        ("contacts told", lambda a: money(a["contact_cost"])),
        ("net value promised", lambda a: money(a["promised"])),
        ("contacts", lambda a: f"{a['contacts']:,}"),
        ("contacts a customer", lambda a: f"{a['contacts_a_customer']:.2f}"),
        ("most in 28 days", lambda a: f"{a['most_in_28_days']}"),
        ("view rate", lambda a: "-" if a["view_rate"] is None else f"{a['view_rate']:.1%}"),
        ("consents withdrawn", lambda a: f"{a['withdrew']:,}"),
        ("complaints", lambda a: f"{a['complaints']:,}"),
        ("active at the end", lambda a: f"{a['active_at_the_end']:,}"),
    ]
    rows = [[name, *(tell(arm) for arm in arms.values())] for name, tell in lines]
    weeks = f"{result['weeks']} weeks from {result['from'][:10]}, {result['customers']:,} customers"
    parts: list[Any] = [grid(f"Rehearsal of {weeks}", ["", *arms], rows)]
    parts.append(
        grid(
            "The policy's net value beside others, the same customers and luck",
            ["less", f"{currency} (95 %)"],
            [[name, between(each)] for name, each in result["ahead"].items()],
        )
    )
    used = [
        [
            name,
            each["name"],
            f"{each['bound']:,.0f}",
            f"{max(each['used']):,.0f}",
            f"{np.mean(each['used']):,.0f}",
        ]
        for name, limits in result["limits"].items()
        for each in limits
    ]
    parts.append(grid("Limits a week", ["arm", "limit", "bound", "most used", "used on average"], used))
    moves = [
        [scheme, *(f"{by[name]['up']:,} / {by[name]['down']:,}" for name in arms)]
        for scheme, by in result["tiers"].items()
    ]
    parts.append(grid("Tiers: customers who moved up / down", ["scheme", *arms], moves))
    if (fair := result["fairness"]) is not None:
        beyond = [each for each in fair["groups"] if each["verdict"] != "within"]
        told = [
            [
                f"{each['axis']} {each['group']}", f"{each['customers']:,}", money(each["reward"]),
                f"{each['difference']:+.1%} ({each['low']:+.1%} to {each['high']:+.1%})", each["verdict"],
            ]
            for each in beyond
        ]  # fmt: skip
        title = f"Rewards given, further than {fair['bound']:.0%} from customers who are alike"
        parts.append(grid(title, ["group", "customers", "mean reward", "difference", ""], told))
    parts += [f"broken: {each}" for each in result["broken"]] or [
        "No limit, cap, consent or holdout was broken."
    ]
    return [*parts, f"Page: {result['page']}"]
