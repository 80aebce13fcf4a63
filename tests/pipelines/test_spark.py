"""Facts and scores by Spark are those of the local engine, however the customers are divided."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from decisions.assess import IN_BASE, status_of
from features import warm
from features.catalogue import FAMILIES
from features.family import Family
from features.order import order
from features.reader import FactTable, read_facts
from features.value import net_spend
from models.question import Question
from models.scorer import Scorer
from pipelines.as_of import offers_of
from releases.bundle import write_bundle
from releases.home import Home
from releases.signature import sign
from tables.history import Histories, read_about, read_histories
from tables.offer import Offer
from tables.refusal import Refused
from tables.sealed import sealed_folder
from tables.sorting import write_histories

pytestmark = pytest.mark.long
Made = tuple[Path, Histories]


def conftest(root: Path, room: str) -> ModuleType:
    """What the tests of another room are made of."""
    path = root / "tests" / room / "conftest.py"
    spec = importlib.util.spec_from_file_location(f"conftest_of_{room}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """Workers find the reader, or each would compile for itself."""
    warm.warm()


@pytest.fixture(scope="session")
def random_bases(root: Path) -> Any:
    return conftest(root, "features")


@pytest.fixture(scope="session")
def made(random_bases: Any, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A random base with versions, late rows, withdrawals and mergers. Do not change it."""
    folder = tmp_path_factory.mktemp("made")
    histories = random_bases.RandomBase(5).write(folder)
    assert len(histories.linked.places) > 3
    return folder, histories


def base_of(spark: Any, tables: Path) -> Any:
    from pipelines.spark.job import open_base  # noqa: PLC0415

    return open_base(spark, Home(tables), str(tables))


def assert_same(
    rows: pa.Table, histories: Histories, t: int, families: tuple[Family[Any], ...] = FAMILIES
) -> FactTable:
    """Every customer's facts once, equal to the bit."""
    local = read_facts(histories, np.arange(len(histories)), t, families)
    rows = rows.filter(pa.array(np.asarray(rows["as_of"].cast(pa.int64())) == t))
    ids = rows["customer_id"].to_pylist()
    assert sorted(ids) == sorted(histories.ids)
    place = {customer_id: k for k, customer_id in enumerate(ids)}
    order = [place[customer_id] for customer_id in histories.ids]
    values = np.column_stack([np.asarray(rows[name].to_numpy(), float) for name in local.names])[order]
    assert np.array_equal(values, local.values, equal_nan=True)
    return local


@pytest.mark.parametrize("portions", [1, 7])
def test_facts_are_those_of_the_local_engine(
    spark: Any, made: Made, random_bases: Any, portions: int
) -> None:
    from pipelines.spark.job import facts_of  # noqa: PLC0415

    folder, histories = made
    rows = facts_of(base_of(spark, folder / "tables"), random_bases.MOMENTS, portions=portions).toArrow()
    for t in random_bases.MOMENTS:
        assert_same(rows, histories, t)


def test_bases_with_feeds_and_gaps_of_few_customers_and_of_none(
    spark: Any, random_bases: Any, tmp_path: Path
) -> None:
    from pipelines.spark.job import facts_of  # noqa: PLC0415

    nobody = random_bases.RandomBase(11, customers=0).write(tmp_path / "nobody")
    assert len(nobody) == 0
    assert len(facts_of(base_of(spark, tmp_path / "nobody" / "tables"), (0,)).toArrow()) == 0
    base = random_bases.RandomBase(11, customers=3)
    base.rows["surveys"] = []
    base.write(tmp_path, without=("products", "contacts", "responses", "transactions.discount"))
    tables = tmp_path / "tables"
    whole = pq.read_table(tables / "transactions.parquet")
    half = len(whole) // 2
    assert half
    pq.write_table(whole[:half], tables / "transactions.parquet")
    pq.write_table(whole[half:].drop_columns(["store_id"]), tables / "transactions.week-2.parquet")
    shutil.rmtree(tmp_path / "histories")
    write_histories(tables, tmp_path / "histories")
    histories = read_histories(tmp_path / "histories")
    opened = base_of(spark, tables)
    about = read_about(tmp_path / "histories")
    assert opened.about == {name: about[name] for name in opened.about}
    t = histories.last_at
    assert_same(facts_of(opened, (t,), portions=7).toArrow(), histories, t)
    labels = facts_of(opened, (t,), only=("order", "net_spend")).toArrow()
    assert_same(labels, histories, t, (order, net_spend))
    with pytest.raises(Refused, match="no such family: orders"):
        facts_of(opened, (t,), only=("orders",))


@pytest.fixture(scope="session")
def scorer(root: Path) -> Scorer:
    """Small models that know every fact."""
    return conftest(root, "releases").scorer.__wrapped__()


@pytest.fixture
def scored_home(home_of_sixty: Path, scorer: Scorer, tmp_path: Path) -> Path:
    """A home of 60 customers with a published bundle."""
    home = Home(shutil.copytree(home_of_sixty, tmp_path / "home"))
    histories = read_histories(home.current_base() / "histories")
    golden = read_facts(histories, np.arange(len(histories)), histories.last_at)
    with sealed_folder(home.bundles) as staged:
        write_bundle(staged.path, scorer, scorer, Question(), {"as_of": "2026-01-01"}, golden)
    sign(staged.path, home.key())
    home.publish(bundle=staged.name, at="2026-01-01T00:00:00+00:00")
    return home.path


@pytest.fixture(scope="session")
def home_of_sixty(command: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("sixty") / "home"
    assert command("simulate", "--home", home, "--customers", "60", "--weeks", "52").code == 0
    assert command("check", "--home", home).code == 0
    return home


@pytest.mark.usefixtures("spark")
def test_the_commands_write_folders_of_facts_and_scores(
    command: Callable[..., Any], scored_home: Path, scorer: Scorer, tmp_path: Path
) -> None:
    base = Home(scored_home).current_base()
    histories = read_histories(base / "histories")
    offers = offers_of(base, histories.last_at, histories.time_zone)
    assert offers
    engine = ("--engine", "spark", "--master", "local[2]", "--home", scored_home, "--json")
    said = command("features", *engine, "--out", tmp_path / "facts")
    assert said.code == 0, said.err
    assert said.json["customers"] == len(histories)
    local = assert_same(pq.read_table(tmp_path / "facts"), histories, histories.last_at)
    before = (scored_home / "published.json").read_bytes()
    said = command("score", *engine, "--out", tmp_path / "scores")
    assert said.code == 0, said.err
    assert (scored_home / "published.json").read_bytes() == before
    assert_scores(tmp_path / "scores", histories, scorer, local, offers)


def assert_scores(
    folder: Path, histories: Histories, scorer: Scorer, local: FactTable, offers: tuple[Offer, ...]
) -> None:
    """Equal to the bit, and missing outside the base."""
    rows = {row["customer_id"]: row for row in pq.read_table(folder).to_pylist()}
    assert sorted(rows) == sorted(histories.ids)
    status = status_of(local, Question())
    t = int(local.moments[0])
    scores = scorer.score(local.values, local.names, offers, t)
    assert IN_BASE in status
    assert len(set(status)) > 1
    for k, customer_id in enumerate(histories.ids):
        row = rows[customer_id]
        assert row["status"] == status[k]
        if status[k] != IN_BASE:
            assert row["churn_probability"] is row["expected_value"] is row["offers"] is None
            continue
        assert (row["churn_probability"], row["expected_value"]) == (scores.churn[k], scores.value[k])
        told = [(each["offer_id"], each["response"], each["uplift"]) for each in row["offers"]]
        names = [offer.offer_id for offer in offers]
        assert told == list(zip(names, scores.response[k], scores.uplift[k], strict=True))


@pytest.mark.usefixtures("spark")
def test_a_folder_that_is_there_is_not_written_over(
    command: Callable[..., Any], home_of_sixty: Path, tmp_path: Path
) -> None:
    said = command("features", "--engine", "spark", "--home", home_of_sixty, "--out", tmp_path)
    assert said.code == 1
    assert "is there already" in said.err
    said = command("features", "--engine", "spark", "--tables", tmp_path, "--out", tmp_path / "facts")
    assert said.code == 1
    assert "base.json" in said.err


@pytest.mark.usefixtures("spark")
def test_a_table_that_is_named_but_not_there_is_refused(command: Callable[..., Any], tmp_path: Path) -> None:
    base = {"columns": {"transactions": ["event_id", "at", "known_at", "deleted"]}, "time_zone": "UTC"}
    (tmp_path / "base.json").write_text(json.dumps(base | {"currency": "EUR", "minor_units": 100}))
    said = command("features", "--engine", "spark", "--tables", tmp_path, "--out", tmp_path / "facts")
    assert said.code == 1
    assert "transactions" in said.err
    assert not (tmp_path / "facts").exists()


def test_options_of_spark_are_refused_without_it(command: Callable[..., Any], tmp_path: Path) -> None:
    said = command("score", "--home", tmp_path, "--out", tmp_path / "scores")
    assert said.code == 2
    assert "--engine spark" in said.err
    said = command("score", "--home", tmp_path, "--engine", "spark")
    assert said.code == 2
    assert "--out" in said.err
