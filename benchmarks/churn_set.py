"""The questions that churn models are compared on: bases made by the project's sources, rows by its facts.

Each set is (rows to learn from, rows to be judged on). What is learnt from was known before what is judged on
began, except in the two published protocols on CDNOW, which split customers and not time; there no row of a
judged customer is learnt from.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from sklearn.model_selection import train_test_split

from features.order import order
from features.reader import FactTable, read_facts
from models.frame import Frame, build_frame, training_moments
from models.question import Question
from simulator import World, simulate
from tables.checking import check_tables
from tables.history import Histories, read_histories
from tables.moment import DAY, parse_moment, to_micros
from tables.sealed import canonical_json
from tables.sorting import write_histories
from tables.source import import_source

Places = npt.NDArray[np.int64]
ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("HOLDFAST_DATA", ROOT / "../shared/data"))
SOURCES = {
    "online_retail": ROOT / "config/sources/online_retail",
    "cdnow": ROOT / "config/sources/cdnow",
    "complete_journey_2y": ROOT / "benchmarks/sources/complete_journey_2y",
}
WEEK = 7 * DAY
FIRST_JUDGED_DAY = 603  # of Complete Journey: what was learnt from is over when this campaign begins
LEAST_PAST = 28 * DAY  # two windows of Complete Journey


@dataclass(frozen=True)
class Protocol(Question):
    """A question of others: its horizon need be none of our windows."""

    def __post_init__(self) -> None:
        pass


@dataclass(frozen=True)
class ChurnSet:
    """Rows to learn from and to be judged on. `horizon_days`: of the labels, where it is no window."""

    name: str
    says: str
    histories: Histories
    tables: Path
    question: Question
    horizon_days: int
    train: Frame
    test: Frame


def base_of(name: str, work: Path) -> tuple[Path, Histories]:
    """Import, check and sort a public data set into `work`, unless it is there."""
    folder = work / name
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        import_source(SOURCES[name], DATA / name, folder / "incoming")
        _sorted(folder)
    return folder / "tables", read_histories(folder / "histories")


def world_of(customers: int, work: Path, *, seed: int = 2026) -> tuple[Path, Histories]:
    """A simulated world in `work`, with its truth, unless it is there."""
    folder = work / f"world-{customers}-{seed}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        world = World(customers=customers, seed=seed)
        simulate(world, folder / "incoming")
        about = {
            "source": "simulator", "description": "", "time_zone": world.time_zone,
            "currency": world.currency, "minor_units": 100, "counted": {}, "ends_at": world.end.isoformat(),
        }  # fmt: skip
        (folder / "incoming/base.json").write_text(canonical_json(about), encoding="utf-8")
        _sorted(folder)
    return folder / "tables", read_histories(folder / "histories")


def _sorted(folder: Path) -> None:
    check_tables(folder / "incoming", folder / "tables", folder / "refused", now=datetime.now(UTC))
    write_histories(folder / "tables", folder / "histories")
    (folder / "done").touch()


def asked(histories: Histories, places: Places, moments: Places | int, horizon_days: int) -> Frame:
    """Facts at `moments` and whether no order came in (t, t + horizon_days], which need be no window."""
    facts = read_facts(histories, places, moments)
    ends = facts.moments + horizon_days * DAY
    last = read_facts(histories, facts.places, ends, (order,)).column("days_since_last_order")
    nothing = np.zeros(len(places))
    return Frame(facts, (last >= horizon_days).astype(np.float64), nothing, nothing.astype(bool))


def by_time(name: str, says: str, base: tuple[Path, Histories], as_of: int | None = None) -> ChurnSet:
    """Training as `holdfast train` does it, judged on the latest moment whose outcome is known."""
    tables, histories = base
    question = Question()
    moments = training_moments(
        histories, question, histories.last_at if as_of is None else as_of, test_months=1
    )
    frame = build_frame(histories, question, moments, margin_rate=0.3)
    return ChurnSet(
        name, says, histories, tables, question, question.horizon_days,
        frame.at(moments.train), frame.at(moments.test),
    )  # fmt: skip


def online_retail(work: Path) -> ChurnSet:
    says = "both years, 91 days, bought in the year before; as of 2011-09-09"
    return by_time("online_retail", says, base_of("online_retail", work))


def cdnow(work: Path) -> ChurnSet:
    says = "all customers, 91 days, bought in the year before; as of 1998-03-31"
    return by_time("cdnow", says, base_of("cdnow", work))


def simulator(work: Path, customers: int) -> ChurnSet:
    says = "the frozen world, 91 days, bought in the year before; one horizon before its end"
    return by_time("simulator", says, world_of(customers, work))


def cdnow_split(work: Path) -> ChurnSet:
    """One customer in five judged, at the same moment at which the others are learnt from."""
    tables, histories = base_of("cdnow", work)
    numbers = np.sort(histories.ids.astype(np.int64))
    judged = train_test_split(numbers, test_size=0.2, random_state=42)[1]
    is_judged = np.isin(histories.ids.astype(np.int64), judged)
    t = to_micros(parse_moment("1998-04-01", histories.time_zone))
    says = "published 80/20 split of customers, 90 days from 1998-04-01, everybody who ever bought"
    return _by_customer("cdnow_split", says, (tables, histories), is_judged, t, 90)


def cdnow_sample(work: Path) -> ChurnSet:
    """The 1/10 sample's 39 weeks, learnt from the other 21,213 customers."""
    tables, histories = base_of("cdnow", work)
    path = DATA / "cdnow/CDNOW_sample.parquet"
    sample = duckdb.sql(f"select distinct master_id from '{path}'").fetchnumpy()["master_id"]
    is_judged = np.isin(histories.ids.astype(np.int64), sample)
    t = to_micros(parse_moment("1997-09-30", histories.time_zone))
    says = "the 1/10 sample, 39 weeks from 1997-09-30, learnt from the other customers"
    return _by_customer("cdnow_sample", says, (tables, histories), is_judged, t, 273)


def _by_customer(
    name: str,
    says: str,
    base: tuple[Path, Histories],
    is_judged: npt.NDArray[np.bool_],
    t: int,
    days: int,
) -> ChurnSet:
    tables, histories = base
    # The weeks before t as well: their labels were known by the end of the judged horizon, as t's were.
    question = Protocol(horizon_days=days)
    moments = [t - k * WEEK * 2 for k in range(6)]
    train = joined([asked(histories, _bought_by(histories, at, ~is_judged), at, days) for at in moments])
    test = asked(histories, _bought_by(histories, t, is_judged), t, days)
    return ChurnSet(name, says, histories, tables, question, days, train, test)


def _bought_by(histories: Histories, t: int, among: npt.NDArray[np.bool_]) -> Places:
    places = np.flatnonzero(among).astype(np.int64)
    ever = read_facts(histories, places, t, (order,)).column("orders_ever")
    return places[ever > 0]


def complete_journey(work: Path) -> ChurnSet:
    """Households at the starts of campaigns; left: spent nothing in the 28 days from then on."""
    tables, histories = base_of("complete_journey_2y", work)
    folder = DATA / "complete_journey_2y"
    rows = duckdb.sql(f"""
        select START_DAY as start_day, cast(household_key as varchar) as household,
            any_value(Post_Spend) = 0 as nothing
        from '{folder}/agg_household_campaign_lift.parquet' join '{folder}/campaign_desc.parquet'
        using (CAMPAIGN) where Has_Complete_Post_Window group by all order by all""").fetchnumpy()
    start = rows["start_day"].astype(np.int64)
    zero = to_micros(parse_moment("2017-01-01", histories.time_zone)) - 285 * DAY
    place = histories.find(rows["household"])
    moments = zero + start * DAY - 1  # the campaign's own contact is not known yet
    facts = read_facts(histories, place, moments)
    nothing = np.zeros(len(place))
    frame = Frame(facts, rows["nothing"].astype(np.float64), nothing, nothing.astype(bool))
    # Whoever spent nothing in any window of the year before is no customer who could leave.
    asked_about = facts.column("orders_364d") > 0
    judged = start >= FIRST_JUDGED_DAY
    learnt = start + 28 <= FIRST_JUDGED_DAY
    says = "2,500 households, 28 days from the starts of the campaigns from day 603 on"
    return ChurnSet(
        "complete_journey", says, histories, tables, Question(horizon_days=28), 28,
        frame.rows(learnt & asked_about), frame.rows(judged & asked_about),
    )  # fmt: skip


def joined(frames: list[Frame]) -> Frame:
    facts = [frame.facts for frame in frames]
    return Frame(
        FactTable(
            np.concatenate([each.places for each in facts]),
            np.concatenate([each.moments for each in facts]),
            facts[0].names,
            np.concatenate([each.values for each in facts]),
        ),
        np.concatenate([frame.churned for frame in frames]),
        np.concatenate([frame.value for frame in frames]),
        np.concatenate([frame.unseen for frame in frames]),
    )


def truth_of(tables: Path, histories: Histories, day: str) -> npt.NDArray[np.float64]:
    """The truth's own probability of churn of each customer at a moment it is stated for; nan: unknown."""
    path = tables.parent / "incoming/truth" / f"{day}.parquet"
    said = pq.read_table(path, columns=["customer_id", "p_churn_logged"], filters=[("offer_id", "==", "")])
    place = histories.find(said["customer_id"].to_numpy(zero_copy_only=False))
    known = np.full(len(histories), np.nan)
    known[place[place >= 0]] = said["p_churn_logged"].to_numpy()[place >= 0]
    return known


SETS: dict[str, Callable[[Path], ChurnSet]] = {
    "online_retail": online_retail,
    "cdnow": cdnow,
    "cdnow_split": cdnow_split,
    "cdnow_sample": cdnow_sample,
    "complete_journey": complete_journey,
}
