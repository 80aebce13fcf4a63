"""`holdfast score`: every customer's scores, choice and reasons as of a moment, published as a week."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from decisions.assess import IN_BASE, Assessment, assess
from decisions.budget import solve_price, spent
from decisions.choice import NOTHING, Choices, choose
from decisions.policy import read_policy
from models.scorer import Scores
from pipelines.as_of import moment_of, offers_of, open_base
from pipelines.configuration import configuration
from pipelines.terminal import bar, grid
from pipelines.watch import begin, conclude
from releases.bundle import read_bundle
from releases.home import Home
from releases.policy import FrozenPolicy, freeze_policy
from releases.signature import sign
from releases.week import WeekAbout, week_rows, write_week
from tables.history import Histories
from tables.moment import in_zone, local_day
from tables.refusal import Refused
from tables.sealed import sealed_folder

CUSTOMERS_AT_ONCE = 4096
QUANTILES = tuple(k / 20 for k in range(21))


def score(home: Home, as_of: str | None, accept: str | None = None) -> dict[str, Any]:
    """Assess everyone in batches, price the budget over all, choose, write, and move the pointer last."""
    key = home.key()
    if not home.published().bundle:
        raise Refused("no bundle is published; run `holdfast train` and `holdfast promote` first")
    bundle = read_bundle(home.bundles / home.published().bundle, key)
    base, histories = open_base(home)
    t = moment_of(histories, as_of)
    policy = read_policy(configuration() / "policy.yaml")
    offers = offers_of(base, t, histories.time_zone)
    watch = begin(home, key, bundle, t)
    counted = watch.nothing()
    counted.add_arrivals(histories.events)
    frozen = freeze_policy(home.policies, policy, offers, key)
    batches = np.array_split(np.arange(len(histories)), max(1, -(-len(histories) // CUSTOMERS_AT_ONCE)))
    assessed: list[Assessment] = []
    with bar("scoring customers") as progress:
        for batch in batches:
            assessed.append(assess(histories, batch, t, bundle.scorer, bundle.question, offers, policy))
            counted.add(assessed[-1], offers)
            progress(int(batch[-1]) + 1, len(histories))
    if not any((each.status == IN_BASE).any() for each in assessed):
        raise Refused(
            f"nobody bought in the {bundle.question.base_days} days before "
            f"{local_day(t, histories.time_zone)}; "
            "there is no base to score: choose another --as-of"
        )
    whole = _together(assessed)
    price = solve_price(lambda at: _choose(whole, frozen, t, at), policy.weekly_budget)
    chosen = _choose(whole, frozen, t, price)
    about = _about(histories, base, frozen, bundle.name, t, price, whole, chosen)
    with bar("writing the week") as progress, sealed_folder(home.weeks) as staged:

        def rows() -> Any:
            for k, each in enumerate(assessed):
                choices = _choose(each, frozen, t, price)
                yield week_rows(histories, each, choices, frozen, bundle.name, t)
                progress(k + 1, len(assessed))

        write_week(staged.path, rows(), about)
        report = conclude(
            watch, counted, histories, base, staged.path, margin_rate=policy.margin_rate, accept=accept
        )
    sign(staged.path, key)
    home.publish(policy=frozen.name, week=staged.name, at=datetime.now(UTC).isoformat(timespec="seconds"))
    return {
        "week": staged.name,
        "path": str(staged.path),
        "moment": in_zone(t, histories.time_zone).isoformat(),
        "bundle": bundle.name,
        "policy": frozen.name,
        "watch": {"verdict": report.verdict, "summary": report.summary},
        **_summary(whole, chosen, about),
    }


def _choose(assessment: Assessment, frozen: FrozenPolicy, t: int, price: float) -> Choices:
    return choose(
        assessment.scores,
        frozen.offers,
        assessment.consents,
        assessment.held_out,
        frozen.policy,
        t,
        price,
    )


def _together(assessed: list[Assessment]) -> Assessment:
    """All batches as one, for what concerns everybody: the budget. Facts stay with their batches."""
    parts = {
        name: np.concatenate([getattr(each.scores, name) for each in assessed]) for name in Scores._fields
    }
    return assessed[0]._replace(
        scores=Scores(**parts),
        status=np.concatenate([each.status for each in assessed]),
        consents=np.concatenate([each.consents for each in assessed]),
        held_out=np.concatenate([each.held_out for each in assessed]),
    )


def _about(
    histories: Histories,
    base: Path,
    frozen: FrozenPolicy,
    bundle: str,
    t: int,
    price: float,
    whole: Assessment,
    choices: Choices,
) -> WeekAbout:
    inside = whole.status == IN_BASE
    cost = spent(choices)
    return WeekAbout(
        moment=t,
        base=base.name,
        bundle=bundle,
        policy=frozen.name,
        customers=len(histories),
        in_base=int(inside.sum()),
        price=price,
        spent=cost,
        remaining=frozen.policy.weekly_budget - cost,
        churn_quantiles=tuple(np.quantile(whole.scores.churn[inside], QUANTILES).tolist()),
        currency=histories.currency,
        minor_units=histories.minor_units,
    )


def _summary(whole: Assessment, choices: Choices, about: WeekAbout) -> dict[str, Any]:
    given = np.flatnonzero(choices.chosen != NOTHING)
    statuses, counts = np.unique(whole.status.astype(str), return_counts=True)
    return {
        "customers": about.customers,
        "status": dict(zip(statuses.tolist(), counts.tolist(), strict=True)),
        "mean_churn_probability": float(np.nanmean(whole.scores.churn)),
        "expected_value": float(np.nansum(whole.scores.value)),
        "offers_given": len(given),
        "expected_net_value_of_offers": float(choices.net_value[given, choices.chosen[given]].sum()),
        "budget_spent": about.spent,
        "budget_price": about.price,
        "held_out": int(whole.held_out.sum()),
        "money": {"currency": about.currency, "minor_units": about.minor_units},
    }


def render(result: dict[str, Any]) -> list[Any]:
    money = result["money"]

    def amount(minor: float) -> str:
        return f"{minor / money['minor_units']:,.2f} {money['currency']}"

    rows: list[list[Any]] = [["customers", result["customers"]]]
    rows += [[f"  {status}", count] for status, count in result["status"].items()]
    rows += [
        ["mean churn probability", f"{result['mean_churn_probability']:.1%}"],
        ["expected value over the horizon", amount(result["expected_value"])],
        ["customers given an offer", result["offers_given"]],
        ["expected net value of offers", amount(result["expected_net_value_of_offers"])],
        ["budget spent (expected)", amount(result["budget_spent"])],
        ["held out", result["held_out"]],
    ]
    return [
        grid(f"Week as of {result['moment']}", ["figure", "value"], rows),
        f"Published week {result['week']}: {result['path']}/scores.parquet",
        f"Watch: {result['watch']['summary']}; holdfast watch says more",
    ]
