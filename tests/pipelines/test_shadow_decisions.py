"""A challenger asked about the decisions of the service: exactly, and with nothing known too early."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
import pytest

from features.reader import FactTable, read_facts
from models.frame import Frame, Moments, build_frame
from models.learner import boost
from models.scorer import Scorer
from pipelines.registry import BUNDLE
from pipelines.shadow_answer import ERASED, FACTS, HINDSIGHT, OUTSIDE, PRUNED, QUESTION, REPEATED
from releases.bundle import Bundle, read_bundle, write_bundle
from releases.customer_key import CustomerKeys
from releases.decision import Decision, new_id
from releases.decision_archive import find
from releases.decision_log import DecisionLog
from releases.decision_record import decision_of
from releases.home import Home
from releases.reference import REFERENCE
from releases.signature import sign
from serving.application import application
from serving.served import Window
from tables.history import read_histories
from tables.moment import DAY, from_micros
from tables.sealed import MANIFEST, point, sealed_folder

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.usefixtures("tracking"),
]
MODEL = "holdfast-churn-simulator"
OFFER, EVENTS = "/v1/next-best-offer", "/v1/events"
Command = Callable[..., Any]


def published_in(home: Path) -> Bundle:
    where = Home(home)
    return read_bundle(where.bundles / where.published().bundle, where.key())


def write(bundle: Bundle, scorer: Scorer, as_of: int, folder: Path, golden: FactTable) -> None:
    """A bundle of these models, which says that they know nothing of what came after."""
    columns = scorer.columns(golden.values, golden.names)
    facts = FactTable(golden.places, golden.moments, scorer.names, columns)
    about = bundle.about | {"as_of": from_micros(as_of).isoformat()}
    write_bundle(folder, scorer, scorer, bundle.question, about, facts)
    shutil.copy(bundle.folder / REFERENCE, folder)


def register(tracking: mlflow.MlflowClient, folder: Path) -> int:
    run = tracking.create_run(tracking.get_experiment_by_name("holdfast").experiment_id)
    tracking.log_artifacts(run.info.run_id, str(folder), BUNDLE)
    version = tracking.create_model_version(MODEL, f"{run.info.artifact_uri}/{BUNDLE}", run.info.run_id)
    return int(version.version)


def ask(home: Path, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """What the service answers, one call after the other."""
    window = Window(Home(home))
    window.look()
    window.decisions = DecisionLog(Home(home))
    transport = httpx.ASGITransport(application(window), raise_app_exceptions=False)

    async def asked() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://holdfast") as client:
            return [await client.post(path, json=body) for path, body in calls]

    answers = asyncio.run(asked())
    window.stop()
    assert [each.status_code for each in answers] == [200] * len(calls), answers[-1].text
    return [each.json() for each in answers]


def decide(home: Path, customers: list[str]) -> dict[str, str]:
    """Customer -> decision, as the service answers them at its week's moment."""
    parts = [customers[k : k + 500] for k in range(0, len(customers), 500)]
    answers = ask(home, *((OFFER, {"customer_ids": part, "as_of": "week"}) for part in parts))
    return {one["customer_id"]: one["decision_id"] for each in answers for one in each["customers"]}


@pytest.fixture(scope="module")
def tested(published: Path) -> int:
    """The first moment that nothing of the judged models knows: a whole horizon before the data ends."""
    return int(published_in(published).about["moments"]["test_at"][0])


@pytest.fixture(scope="module")
def home(published: Path, tested: int, command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `published` whose champion are the models that were judged, and whose week is of that moment;
    the service has decided for everybody in it."""
    # Other tests may have asked a service of this home: what it decided is theirs.
    theirs = shutil.ignore_patterns("decisions", "counters", "counting", "events")
    home = shutil.copytree(published, tmp_path_factory.mktemp("decided") / "home", ignore=theirs)
    where, bundle = Home(home), published_in(home)
    histories = read_histories(where.current_base() / "histories")
    golden = read_facts(histories, np.arange(64), tested)
    with sealed_folder(where.bundles) as staged:
        write(bundle, bundle.judged, tested, staged.path, golden)
    sign(staged.path, where.key())
    where.publish(bundle=staged.path.name, at="2026-11-01T00:00:00+00:00")
    moment = from_micros(tested).isoformat()
    scored = command("score", "--home", home, "--as-of", moment, "--accept", "a test", "--json")
    assert scored.code == 0, scored.err
    decide(home, [str(each) for each in histories.ids])
    return home


@pytest.fixture
def decided(home: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(home, tmp_path / "home")


@pytest.fixture(scope="module")
def frame(home: Path, tested: int) -> Frame:
    """Rows whose labels were known at the moment of the decisions."""
    histories = read_histories(Home(home).current_base() / "histories")
    question = published_in(home).question
    before = tested - question.horizon_days * DAY
    return build_frame(histories, question, Moments((before,), ()), margin_rate=0.3)


@pytest.fixture(scope="module")
def champion(
    home: Path, tested: int, tracking: mlflow.MlflowClient, tmp_path_factory: pytest.TempPathFactory
) -> int:
    """The champion as a registered version."""
    return register(tracking, published_in(home).folder)


@pytest.fixture(scope="module")
def shuffled(
    home: Path,
    tested: int,
    frame: Frame,
    tracking: mlflow.MlflowClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> int:
    """A challenger that knows as much and learnt from shuffled labels."""
    bundle, folder = published_in(home), tmp_path_factory.mktemp("shuffled")
    labels = np.random.default_rng(5).permutation(frame.churned)
    values = bundle.scorer.columns(frame.facts.values, frame.facts.names)
    churn = boost(values, labels, bundle.scorer.names, "binary", trees=20)
    write(bundle, replace(bundle.scorer, churn=churn), tested, folder, frame.facts)
    return register(tracking, folder)


def asked(command: Command, home: Path, version: int, *more: str) -> Any:
    said = command("shadow", "--home", home, "--decisions", str(version), *more, "--json")
    assert said.code == 0, said.err
    return said.json


def everybody(home: Path) -> int:
    return len(read_histories(Home(home).current_base() / "histories"))


def recorded(home: Path, decision_id: str) -> Decision:
    with closing(CustomerKeys(Home(home).decisions, Home(home).key())) as keys:
        return decision_of(find(Home(home), decision_id).body, keys)


def test_the_champion_asked_about_its_own_decisions_says_what_it_said(
    home: Path, champion: int, command: Command
) -> None:
    said = asked(command, home, champion)
    assert set(said["left_out"]) == {OUTSIDE}  # who lapsed or never bought has no score
    assert said["compared"] + said["left_out"][OUTSIDE] == said["decisions"] == everybody(home)
    assert said["mean_distance"] == 0
    assert said["mean_churn"]["shadow"] == said["mean_churn"]["service"]
    assert said["same_choice"] == 1
    offers = said["offers"]
    assert offers["shadow"] == offers["champion"] >= offers["given"] > 0  # limits took from some
    assert [said["ahead"][each]["value"] for each in ("auc", "brier", "captured")] == [0, 0, 0]


def test_a_challenger_that_knows_nothing_is_found_out(home: Path, shuffled: int, command: Command) -> None:
    said = asked(command, home, shuffled)
    assert said["says"] == ""
    assert said["mean_distance"] > 0.05
    assert said["ahead"]["auc"]["high"] < 0
    assert said["ahead"]["brier"]["low"] > 0  # further from what happened
    assert said["auc"]["service"]["value"] > 0.6 > said["auc"]["shadow"]["value"]
    printed = command("shadow", "--home", home, "--decisions", str(shuffled))
    assert printed.code == 0
    assert "shadow less service" in " ".join(printed.out.split())


def test_who_learnt_from_what_came_of_a_decision_is_not_asked_about_it(
    home: Path, published: Path, command: Command, tracking: mlflow.MlflowClient
) -> None:
    """What training published knows the labels of the very moment."""
    version = register(tracking, published_in(published).folder)
    said = asked(command, home, version)
    assert said["left_out"] == {HINDSIGHT: everybody(home)}
    assert (said["compared"], said["says"]) == (0, "no decision could be compared")
    assert command("shadow", "--home", home, "--decisions", str(version)).code == 0


def test_another_question_is_not_compared(
    home: Path, tested: int, command: Command, tracking: mlflow.MlflowClient, tmp_path: Path
) -> None:
    bundle = published_in(home)
    golden = read_facts(read_histories(Home(home).current_base() / "histories"), np.arange(64), tested)
    other = replace(bundle, question=replace(bundle.question, horizon_days=28))
    write(other, bundle.scorer, tested, tmp_path, golden)
    assert asked(command, home, register(tracking, tmp_path))["left_out"] == {QUESTION: everybody(home)}


def test_only_decisions_of_the_period_are_asked_about(home: Path, champion: int, command: Command) -> None:
    now = datetime.now(UTC)
    yesterday, tomorrow = ((now + timedelta(days=k)).date().isoformat() for k in (-1, 2))
    whole = asked(command, home, champion, "--since", yesterday, "--until", tomorrow)
    assert whole["decisions"] == everybody(home)
    assert asked(command, home, champion, "--since", tomorrow)["decisions"] == 0
    assert asked(command, home, champion, "--until", yesterday)["decisions"] == 0
    assert command("shadow", "--home", home, "--since", yesterday).code == 2


def test_what_is_repeated_erased_or_not_told_by_the_base_is_counted_and_left_out(
    decided: Path, champion: int, command: Command
) -> None:
    before = asked(command, decided, champion)
    week = read_histories(Home(decided).current_base() / "histories")
    who = [str(each) for each in week.ids[:300]]
    again = decide(decided, who)
    inside = [recorded(decided, again[each]) for each in who]
    first, second = [each for each in inside if each.status == "in_base"][:2]
    with closing(DecisionLog(Home(decided))) as log:
        log.write([replace(first, decision_id=new_id(), facts="0" * 64)])
    with closing(CustomerKeys(Home(decided).decisions, Home(decided).key())) as keys:
        assert keys.forget(second.customer_id)
    said = asked(command, decided, champion)
    # All of the second's are gone, and of the first's the last counts, whose facts are not the base's.
    assert said["left_out"] == {OUTSIDE: before["left_out"][OUTSIDE], REPEATED: 300, ERASED: 2, FACTS: 1}
    assert said["compared"] == before["compared"] - 2
    assert said["mean_distance"] == 0


def test_decisions_as_of_now_are_asked_about_with_the_events_that_had_come(
    decided: Path, champion: int, command: Command
) -> None:
    before = asked(command, decided, champion)
    week = read_histories(Home(decided).current_base() / "histories")
    who = [str(each) for each in week.ids[:200]]
    bought = [
        {"table": "transactions", "event_id": f"online-{k}", "customer_id": each, "order_id": f"online {k}",
         "quantity": 2, "amount": 12_300}
        for k, each in enumerate(who)
    ]  # fmt: skip
    now = {"customer_ids": who}
    ask(decided, (OFFER, now), (EVENTS, {"events": bought[:100]}), (OFFER, now), (EVENTS, {"events": bought}))
    said = asked(command, decided, champion)
    assert set(said["left_out"]) == {OUTSIDE}
    assert said["decisions"] == before["decisions"] + 400
    # Half of them were decided for again after an order: also who had lapsed has a score then.
    assert said["compared"] - before["compared"] > 200
    assert said["mean_distance"] == 0
    assert said["same_choice"] == 1
    assert said["customers_known"] == before["customers_known"]  # what comes of now is not known yet


@pytest.mark.parametrize("shelf", ["bases", "policies", "bundles"])
def test_what_is_pruned_is_counted_and_replaced_by_nothing(
    decided: Path, champion: int, command: Command, shelf: str
) -> None:
    where = Home(decided)
    name = {
        "bases": where.current_base().name,
        "policies": where.published().policy,
        "bundles": where.published().bundle,
    }[shelf]
    aside = (decided / shelf / name).rename(decided / "aside")
    if shelf == "bases":  # another one stands in its place, as after a feed
        with sealed_folder(where.bases) as staged:
            shutil.copytree(aside, staged.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
            (staged.path / "more").touch()
        point(where.bases, staged.name)
    assert asked(command, decided, champion)["left_out"] == {PRUNED: everybody(decided)}
