"""The default world as a problem: calibrated truth, known propensities, something left to learn."""

from pathlib import Path

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from simulator import World

Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def labels(default: Path) -> dict[str, Floats]:
    """Of those who bought in the year before t: churn by the transactions table, and its chance."""
    moment = World().truth_moments[0]
    query = f"""
        with alias as (
            select customer_id as second, merged_into from '{default}/customers.parquet'
            where merged_into is not null),
        bought as (
            select coalesce(merged_into, customer_id) as customer_id, "at", order_id
            from '{default}/transactions.parquet' left join alias on customer_id = second
            where quantity > 0),
        base as (
            select customer_id, epoch($t - max("at")) / 86400 as recency
            from bought where "at" > $t - interval 365 days and "at" <= $t group by 1),
        stayed as (
            select distinct customer_id, true as stays
            from bought where "at" > $t and "at" <= $t + interval 91 days)
        select recency, stays is null as churned, p_churn_logged, p_churn
        from base left join stayed using (customer_id)
        join '{default}/truth/{moment:%Y-%m-%d}.parquet' using (customer_id)
        where offer_id = '' order by customer_id"""
    found = duckdb.execute(query.replace("$t", f"timestamptz '{moment.isoformat()}'")).fetchnumpy()
    return {name: np.asarray(values, np.float64) for name, values in found.items()}


def auc(label: Floats, score: Floats) -> float:
    """Chance that a churner scores above a stayer; ties by order, which is random here."""
    rank = np.empty(len(score))
    rank[np.argsort(score, kind="stable")] = np.arange(1, len(score) + 1)
    churners = label.sum()
    return float(
        (rank[label > 0].sum() - churners * (churners + 1) / 2) / (churners * (len(label) - churners))
    )


def test_the_logged_churn_is_calibrated_by_decile(labels: dict[str, Floats]) -> None:
    order = np.argsort(labels["p_churn_logged"])
    for decile in np.array_split(order, 10):
        p, seen = labels["p_churn_logged"][decile], labels["churned"][decile].mean()
        error = np.sqrt((p * (1 - p)).sum()) / len(p)
        assert abs(seen - p.mean()) < 3.5 * error, (p.mean(), seen)


def test_behaviour_says_more_than_recency(labels: dict[str, Floats]) -> None:
    true, recency = (auc(labels["churned"], labels[s]) for s in ("p_churn_logged", "recency"))
    print(f"churn {labels['churned'].mean():.3f}, AUC truth {true:.3f}, recency {recency:.3f}")
    assert 0.35 < labels["churned"].mean() < 0.55
    assert 0.85 < true < 0.93
    assert 0.70 < recency < 0.77


def test_propensities_are_those_of_the_draws(default: Path) -> None:
    query = f"""
        select sum((kind = 'sent')::int), avg((kind = 'held_back')::int), min(propensity),
            min(propensity) filter (kind = 'sent'), sum(1 / propensity), count(distinct "at"),
            count(distinct (customer_id, date_trunc('week', "at"))), count(*)
        from '{default}/contacts.parquet'"""
    _, held_back, lowest, lowest_sent, weight, _, waves, count = duckdb.execute(query).fetchall()[0]
    assert waves == count
    assert abs(held_back - World().holdout) < 4 * 0.4 / np.sqrt(count)
    assert lowest > 0.004
    assert lowest_sent >= 0.02
    # The inverse propensities of all actions sum to their number: 2 for each offer valid in the wave.
    actions = f"""
        with wave as (select date_trunc('week', "at") as w, count(*) as n,
            2 * count(distinct offer_id) as actions
            from '{default}/contacts.parquet' group by 1)
        select sum(n * actions), sqrt(sum(n * actions * 60)) from wave"""
    expected, error = duckdb.execute(actions).fetchall()[0]
    assert abs(weight - expected) < 4 * error


def test_weighted_outcomes_recover_the_effect_of_an_offer(default: Path) -> None:
    """Inverse propensity weighting of the wave at t agrees with the mean of the truth."""
    moment = World().truth_moments[0]
    query = f"""
        with wave as (
            select customer_id, kind, offer_id, propensity from '{default}/contacts.parquet'
            where "at" > $t and "at" < $t + interval 1 day),
        stayed as (
            select distinct customer_id, 1 as stays from '{default}/transactions.parquet'
            where quantity > 0 and "at" > $t and "at" <= $t + interval 91 days)
        select case kind when 'sent' then offer_id else '' end as action,
            sum((stays is null)::int / (case kind when 'sent' then propensity else 0.2 end)),
            sqrt(sum((stays is null)::int / (case kind when 'sent' then propensity else 0.2 end) ** 2)),
            (select sum(p_churn) from wave join '{default}/truth/{moment:%Y-%m-%d}.parquet' p
                using (customer_id) where p.offer_id = action)
        from wave left join stayed using (customer_id) group by action"""
    query = query.replace("$t", f"timestamptz '{moment.isoformat()}'")
    rows = duckdb.execute(query).fetchall()
    assert len(rows) == 12
    for action, weighted, error, expected in rows:
        assert abs(weighted - expected) < 4 * error, action
