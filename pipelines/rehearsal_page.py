"""The page of a rehearsal: one HTML file that needs no network, in English and Chinese.

Written as XML too, as the week's page is; whatever comes from data passes through `text`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipelines.drawing_rehearsal import COLOURS, by_week
from pipelines.markup import LANGUAGES, both, document, row, table, text

ARMS = {
    "policy": ("this policy", "新政策"),
    "published": ("the published policy", "现行政策"),
    "riskiest": ("the riskiest first", "仅触达高风险"),
    "nothing": ("nobody contacted", "不触达"),
}
VERDICTS = {
    "within": ("fine", "within", "范围内"),
    "beyond": ("warn", "beyond, not surely", "超出（不确定）"),
    "surely beyond": ("stop", "surely beyond", "明显超出"),
}
AXES = {
    "region": ("region", "地区"),
    "age": ("age", "年龄"),
    "gender": ("gender", "性别"),
    "tier": ("tier", "层级"),
}


def page_of(told: dict[str, Any]) -> str:
    """told: as `rehearsed` says it, with policy, published, from and money."""
    parts = [
        *_head(told),
        *_money(told),
        *_plots(told),
        *_limits(told),
        *_tiers(told),
        *_fairness(told),
        *_foot(),
    ]
    return document(f"Rehearsal of {Path(told['policy']).name}", parts)


def _head(told: dict[str, Any]) -> Iterator[str]:
    yield LANGUAGES
    weeks, customers = told["weeks"], f"{told['customers']:,}"
    name = Path(told["policy"]).name
    yield f"<h1>{both(f'Rehearsal of {name}: {weeks} weeks', f'政策预演：{name}，{weeks} 周')}</h1>"
    day = told["from"][:10]
    yield '<p class="under">' + both(
        f"{customers} simulated customers from {day} on · published policy {told['published']} · bundle "
        f"{told['bundle']}",
        f"{customers} 名模拟客户，自 {day} 起 · 现行政策 {told['published']} · 模型 {told['bundle']}",
    ) + "</p>"  # fmt: skip
    state = "stopped" if told["broken"] else "clear"
    english, chinese = (
        ("A guarantee was broken", "有保证被违反") if told["broken"] else ("All kept", "全部遵守")
    )
    yield f'<section class="verdict {state}"><h2>{both(english, chinese)}</h2>'
    for each in told["broken"]:
        yield f"<p>{text(each)}</p>"
    if not told["broken"]:
        whole = "No limit, cap, consent or holdout was broken in any week."
        yield f"<p>{both(whole, '各周均未违反额度、频次、同意和对照组约束。')}</p>"
    yield "</section>"


def _money(told: dict[str, Any]) -> Iterator[str]:
    units, arms = told["money"]["minor_units"], told["arms"]

    def money(minor: float) -> str:
        return f"{minor / units:,.2f}"

    lines: list[tuple[str, str, Callable[[dict[str, Any]], str]]] = [
        ("net value beside contacting nobody", "相对不触达的净值", lambda a: money(a["net_value"]["value"])),
        (
            "95 % interval over customers, paired",
            "按客户配对的 95% 区间",
            lambda a: f"{money(a['net_value']['low'])} – {money(a['net_value']['high'])}",
        ),
        ("margin of orders", "订单毛利", lambda a: money(a["margin"])),
        ("rewards redeemed", "核销成本", lambda a: money(a["rewards"])),
        ("cost of contacts", "触达成本", lambda a: money(a["contact_cost"])),
        ("net value the models promised", "模型预期净值", lambda a: money(a["promised"])),
        ("contacts", "触达次数", lambda a: f"{a['contacts']:,}"),
        ("contacts a customer", "人均触达", lambda a: f"{a['contacts_a_customer']:.2f}"),
        ("most contacts in 28 days", "28 天内最多触达", lambda a: f"{a['most_in_28_days']}"),
        ("viewed", "查看率", lambda a: "–" if a["view_rate"] is None else f"{a['view_rate']:.1%}"),
        ("consents withdrawn", "撤回同意", lambda a: f"{a['withdrew']:,}"),
        ("complaints", "投诉", lambda a: f"{a['complaints']:,}"),
        ("active at the end", "期末活跃客户", lambda a: f"{a['active_at_the_end']:,}"),
    ]
    currency = told["money"]["currency"]
    yield f"<section><h2>{both(f'What came of it, {currency}', f'结果（{currency}）')}</h2>"
    head = ["", *(both(*ARMS[name]) for name in arms)]
    kinds = ("name", *("n" for _ in arms))
    rows = [row([both(en, zh), *(text(tell(arm)) for arm in arms.values())], kinds) for en, zh, tell in lines]
    yield table(head, rows, kinds)
    for name, each in told["ahead"].items():
        low, high = money(each["low"]), money(each["high"])
        english, chinese = ARMS[name]
        yield "<p>" + both(
            f"Ahead of {english}: {money(each['value'])} ({low} to {high}).",
            f"领先{chinese}：{money(each['value'])}（{low} 至 {high}）。",
        ) + "</p>"  # fmt: skip
    yield "</section>"


def _plots(told: dict[str, Any]) -> Iterator[str]:
    units, arms, weeks = told["money"]["minor_units"], told["arms"], told["weeks"]
    yield f"<section><h2>{both('By week', '逐周')}</h2><p class='legend'>"
    for name in arms:
        yield f'<span><i style="background:{COLOURS[name]}"></i>{both(*ARMS[name])}</span>'
    yield "</p><div class='pair'>"
    pictures: list[tuple[str, str, Callable[[dict[str, Any]], tuple[float | None, ...]]]] = [
        (
            "Net value so far beside contacting nobody, with its interval",
            "累计净值（相对不触达）及区间",
            lambda w: tuple(w["so_far"][k] / units for k in ("value", "low", "high")),
        ),
        (
            "Net value of the week beside contacting nobody",
            "当周净值（相对不触达）",
            lambda w: (w["net_value"]["value"] / units,),
        ),
        ("Contacts a customer", "人均触达", lambda w: (w["contacts"] / told["customers"],)),
        ("Share of contacts viewed", "查看率", lambda w: (w["view_rate"],)),
        ("Consents withdrawn", "撤回同意", lambda w: (float(w["withdrew"]),)),
        ("Active customers", "活跃客户", lambda w: (float(w["active"]),)),
    ]
    for english, chinese, figure in pictures:
        lines = {name: [figure(week) for week in arm["by_week"]] for name, arm in arms.items()}
        yield f"<div><h3>{both(english, chinese)}</h3>{by_week(lines, weeks)}</div>"
    yield "</div></section>"


def _limits(told: dict[str, Any]) -> Iterator[str]:
    yield f"<section><h2>{both('Limits, used in each week', '各周额度使用')}</h2>"
    weeks = [f"{week + 1}" for week in range(told["weeks"])]
    kinds = ("name", "name", "n", *("n" for _ in weeks))
    head = ["", both("limit", "额度"), both("bound", "上限"), *weeks]
    rows = [
        row(
            [
                both(*ARMS[name]),
                text(each["name"]),
                f"{each['bound']:,.0f}",
                *(f"{u:,.0f}" for u in each["used"]),
            ],
            kinds,
        )
        for name, limits in told["limits"].items()
        for each in limits
    ]
    yield table(head, rows, kinds) + "</section>"


def _tiers(told: dict[str, Any]) -> Iterator[str]:
    arms = told["arms"]
    yield f"<section><h2>{both('Tiers: customers who moved up / down', '层级变化：上升 / 下降人数')}</h2>"
    kinds = ("name", *("n" for _ in arms))
    rows = [
        row([text(scheme), *(f"{by[name]['up']:,} / {by[name]['down']:,}" for name in arms)], kinds)
        for scheme, by in told["tiers"].items()
    ]
    yield table(["", *(both(*ARMS[name]) for name in arms)], rows, kinds) + "</section>"


def _fairness(told: dict[str, Any]) -> Iterator[str]:
    fair, units = told["fairness"], told["money"]["minor_units"]
    yield f"<section><h2>{both('Equal terms', '公平对待')}</h2>"
    if fair is None:
        yield f"<p>{both('The policy states none.', '政策未规定。')}</p></section>"
        return
    bound = f"{fair['bound']:.0%}"
    yield '<p class="under">' + both(
        f"Mean reward given to each group, against customers of the same tier and stage; bound {bound}.",
        f"各组人均优惠面额，与同层级、同阶段客户相比；限值 {bound}。",
    ) + "</p>"  # fmt: skip
    kinds = ("name", "name", "n", "n", "n", "n", "")
    head = [
        both("by", "维度"),
        both("group", "分组"),
        both("customers", "人数"),
        both("mean reward", "人均面额"),
        both("difference", "差异"),
        "95 %",
        "",
    ]
    rows = []
    for each in fair["groups"]:
        state, english, chinese = VERDICTS[each["verdict"]]
        rows.append(
            row(
                [
                    both(*AXES[each["axis"]]), text(each["group"]), f"{each['customers']:,}",
                    f"{each['reward'] / units:,.2f}", f"{each['difference']:+.1%}",
                    f"{each['low']:+.1%} – {each['high']:+.1%}",
                    f'<span class="tag {state}">{both(english, chinese)}</span>',
                ],
                kinds,
            )
        )  # fmt: skip
    yield table(head, rows, kinds) + "</section>"


def _foot() -> Iterator[str]:
    english = (
        "A simulated world whose laws are known: docs/rehearse.md says which, and what it leaves out. All "
        "arms live through the same weeks with the same people and luck. Net value: margin of orders kept, "
        "less rewards redeemed and contacts, within the weeks; what the models promised is for 91 days."
    )
    chinese = (
        "模拟世界的规律已知，内容与局限见 docs/rehearse.md。各组使用相同客户、相同周次与相同随机数。"
        "净值为周期内订单毛利减核销与触达成本；模型预期以 91 天计。"
    )
    yield f"<footer><p>{both(english, chinese)}</p></footer>"
