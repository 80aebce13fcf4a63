"""The watch end to end: a sound week is published, a broken one is not, and somebody is told."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from decisions.assess import assess
from decisions.policy import read_policy
from models.census import CHURN
from pipelines.as_of import offers_of, open_base
from pipelines.page import page_of
from pipelines.report import Report
from pipelines.watch import begin, judge
from releases.bundle import read_bundle
from releases.home import Home
from releases.reference import REFERENCE, read_reference
from releases.signature import sign
from releases.watch import read_memory
from tables.moment import DAY
from tables.sealed import MANIFEST, point, pointed, sealed_folder

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("larger_buckets")]
Command = Callable[..., Any]
MARGIN = 0.3


@pytest.fixture(scope="module")
def weekly(published: Path, command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose bundle scored a quarter ago and last week, but not this one. Do not change it: copy it."""
    home = shutil.copytree(published, tmp_path_factory.mktemp("weekly") / "home")
    shutil.rmtree(home / "weeks")
    pointer = home / "published.json"
    states = json.loads(pointer.read_text())["states"]
    pointer.write_text(json.dumps({"states": [{**states[0], "week": ""}]}))
    for day in ("2026-07-20", "2026-10-19"):
        said = command("score", "--home", home, "--as-of", day, "--json")
        assert said.code == 0, said.err
    return home


@pytest.fixture
def own(weekly: Path, tmp_path: Path) -> Path:
    return shutil.copytree(weekly, tmp_path / "own")


@pytest.fixture
def config(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change the bounds: config(alert={"command": [...]})."""
    folder = shutil.copytree(root / "config", tmp_path / "config")
    monkeypatch.setenv("HOLDFAST_CONFIG", str(folder))

    def change(**parts: dict[str, Any]) -> None:
        said = yaml.safe_load((folder / "watch.yaml").read_text())
        for name, part in parts.items():
            said[name] |= part
        (folder / "watch.yaml").write_text(yaml.safe_dump(said))

    return change


def arrive(home: Path, command: Command, table: str, change: Callable[[Any], Any]) -> None:
    """Let a changed table come in (None: let it be missing), and check it."""
    incoming = home / "incoming"
    current = pointed(incoming)
    assert current
    with sealed_folder(incoming) as staged:
        other = staged.path
        shutil.copytree(current, other, ignore=shutil.ignore_patterns(MANIFEST), dirs_exist_ok=True)
        path = other / f"{table}.parquet"
        rows = change(pq.read_table(path))
        if rows is None:
            path.unlink()
            about = json.loads((other / "base.json").read_text())
            about.get("columns", {}).pop(table, None)
            (other / "base.json").write_text(json.dumps(about))
        else:
            pq.write_table(rows, path)
    point(incoming, staged.name)
    said = command("check", "--home", home)
    assert said.code == 0, said.err


def in_hundredths(rows: Any) -> Any:
    """Somebody sends amounts in hundredths of what they were."""
    for name in ("amount", "discount"):
        place = rows.schema.get_field_index(name)
        amounts = pa.array(
            [each and each // 100 for each in rows[name].to_pylist()], rows.schema.field(name).type
        )
        rows = rows.set_column(place, rows.schema.field(name), amounts)
    return rows


def test_a_sound_week_is_published_and_says_what_it_was_held_against(own: Path, command: Command) -> None:
    said = command("score", "--home", own, "--json")
    assert said.code == 0, said.err
    assert said.json["watch"]["verdict"] in ("clear", "warned")
    told = command("watch", "--home", own, "--json").json
    assert told["last"] is not None
    assert not [each for each in told["findings"] if each["level"] == "stop"]
    assert told["change"]["before"] > 900
    assert [each["promised"] for each in told["outcomes"][0]["tenths"]] == sorted(
        each["promised"] for each in told["outcomes"][0]["tenths"]
    )
    people = command("watch", "--home", own)
    assert "Advice:" in people.out
    assert Path(told["page"]).is_file()


def test_the_week_remembers_what_it_counted(own: Path, command: Command) -> None:
    assert command("score", "--home", own).code == 0
    home = Home(own)
    memory = read_memory(home.weeks / home.published().week)
    assert memory is not None
    rows = pq.read_table(home.weeks / home.published().week / "scores")
    churn = rows["churn_probability"].drop_null().to_numpy()
    assert memory.census.customers == len(churn)
    assert memory.census.mean(CHURN) == pytest.approx(churn.mean(), abs=1e-6)
    assert "transactions.amount" in memory.present
    assert memory.accepted == ""


def test_a_drifted_world_stops_the_week_and_keeps_the_old_one(
    own: Path, command: Command, config: Callable[..., None], tmp_path: Path
) -> None:
    before = Home(own).published()
    arrive(own, command, "transactions", in_hundredths)
    note = tmp_path / "told"
    text = "import os, sys; open(sys.argv[1], 'w').write(os.environ['HOLDFAST_REPORT'] + sys.stdin.read())"
    config(alert={"command": [sys.executable, "-c", text, str(note)]})
    said = command("score", "--home", own)
    assert said.code == 1
    words = " ".join(said.err.split())
    assert "facts.last_week.psi.stop" in words
    assert "the bound is 0.5" in words
    assert "--accept" in words
    assert Home(own).published() == before
    assert not list((own / "weeks").glob(".staging*"))
    told = command("watch", "--home", own, "--json").json
    assert told["verdict"] == "stopped"
    assert str(Path(told["page"]).resolve()) in note.read_text()
    assert "not published" in note.read_text()


def test_a_stopped_week_is_published_for_a_reason_that_it_carries(own: Path, command: Command) -> None:
    arrive(own, command, "transactions", in_hundredths)
    assert command("score", "--home", own).code == 1
    said = command("score", "--home", own, "--accept", "new currency, checked by Li", "--json")
    assert said.code == 0, said.err
    home = Home(own)
    assert said.json["week"] == home.published().week
    memory = read_memory(home.weeks / home.published().week)
    assert memory is not None
    assert memory.accepted == "new currency, checked by Li"
    told = command("watch", "--home", own, "--json").json
    assert told["verdict"] == "accepted"
    assert "new currency, checked by Li" in Path(told["page"]).read_text()


def test_a_reason_without_a_broken_bound_is_not_carried(own: Path, command: Command) -> None:
    """So that a script which always gives one shows nothing it did not need."""
    assert command("score", "--home", own, "--accept", "always").code == 0
    home = Home(own)
    memory = read_memory(home.weeks / home.published().week)
    assert memory is not None
    assert memory.accepted == ""


def test_a_missing_table_stops_the_week_by_name(own: Path, command: Command) -> None:
    arrive(own, command, "points", lambda _: None)
    said = command("score", "--home", own)
    assert said.code == 1
    assert "tables.table_gone: table points" in " ".join(said.err.split())
    assert (
        "mend the data first (points" in command("watch", "--home", own, "--json").json["advice"]["english"]
    )


def test_a_late_table_is_named_and_a_failing_alert_loses_no_report(
    own: Path, command: Command, config: Callable[..., None]
) -> None:
    cut = np.datetime64("2026-10-10T00:00:00")

    def late(rows: Any) -> Any:
        known = np.array([each.replace(tzinfo=None) for each in rows["at"].to_pylist()], "datetime64[us]")
        return rows.filter(pa.array(known < cut))

    arrive(own, command, "points", late)
    config(alert={"command": ["/no/such/command"]})
    said = command("score", "--home", own)
    assert said.code == 1
    words = " ".join(said.err.split())
    assert "tables.silent.stop: table points: no row for" in words
    assert "could not be started" in words
    told = command("watch", "--home", own, "--json").json
    assert told["verdict"] == "stopped"
    assert Path(told["page"]).is_file()


def test_a_bundle_without_a_reference_is_refused_with_the_way_out(own: Path, command: Command) -> None:
    home = Home(own)
    old = home.bundles / home.published().bundle
    with sealed_folder(home.bundles) as staged:
        ignored = shutil.ignore_patterns(REFERENCE, "manifest.json", "signature")
        shutil.copytree(old, staged.path, dirs_exist_ok=True, ignore=ignored)
    sign(staged.path, home.key())
    home.publish(bundle=staged.name)
    said = command("score", "--home", own)
    assert said.code == 1
    assert "run `holdfast train` and `holdfast promote`" in " ".join(said.err.split())


def test_before_any_week_there_is_no_report(command: Command, tmp_path: Path) -> None:
    said = command("watch", "--home", tmp_path)
    assert said.code == 1
    assert "run `holdfast score` first" in " ".join(said.err.split())


def test_after_a_pause_nothing_stops_by_last_week(
    own: Path, command: Command, config: Callable[..., None]
) -> None:
    config()
    text = Path(own.parent / "config/watch.yaml")
    said = yaml.safe_load(text.read_text())
    text.write_text(yaml.safe_dump(said | {"last_week_within_days": 3}))
    arrive(own, command, "points", lambda _: None)
    command("score", "--home", own)
    told = command("watch", "--home", own, "--json").json
    (gone,) = [each for each in told["findings"] if each["bound"] == "tables.table_gone"]
    assert gone["level"] == "warn"
    assert any("7 days older" in note[0] for note in told["notes"])


@pytest.fixture(scope="module")
def report(weekly: Path, root: Path) -> Report:
    """As the job makes one, in parts that are stored and added as a resumed job does."""
    home = Home(weekly)
    base, histories = open_base(home)
    bundle = read_bundle(home.bundles / home.published().bundle, home.key())
    t = histories.last_at
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLDFAST_CONFIG", str(root / "config"))
        watch = begin(home, home.key(), bundle, t)
        offers = offers_of(base, t, histories.time_zone)
    policy = read_policy(root / "config/policy.yaml")
    whole, parts = watch.nothing(), watch.nothing()
    for places in np.array_split(np.arange(len(histories)), 3):
        assessed = assess(histories, places, t, bundle.scorer, bundle.question, offers, policy)
        part = watch.nothing()
        part.add(assessed, offers)
        whole.add(assessed, offers)
        stored = {name: np.asarray(array).tolist() for name, array in part.arrays().items()}
        parts += watch.nothing().with_arrays(stored)
    for counted in (whole, parts):
        for number in range(len(histories.buckets) - 1):
            counted.add_arrivals(histories.bucket(number))
    for name, array in whole.arrays().items():
        assert np.array_equal(array, parts.arrays()[name]), name
    week = home.weeks / home.published().week  # its rows stand for this week's
    return judge(watch, parts, histories, base, week, margin_rate=MARGIN, terms=None, accept=None)


def test_what_was_promised_a_quarter_ago_is_held_against_what_happened(report: Report) -> None:
    (outcome,) = report.outcomes
    assert (report.moment - outcome.moment) / DAY == pytest.approx(98)
    whole = outcome.whole
    assert whole.low <= whole.happened <= whole.high
    assert sum(each.customers for each in outcome.tenths) == outcome.customers
    for axis in ("risk", "offer", "value", "tenure"):
        judged = sum(each.customers for each in outcome.slices if each.axis == axis)
        small = sum(
            int(each.rsplit("(", 1)[1][:-1]) for each in outcome.too_small if each.startswith(f"{axis}:")
        )
        assert judged + small == outcome.customers
    assert outcome.auc.value > 0.6


def test_the_reference_holds_every_fact_and_score(weekly: Path) -> None:
    home = Home(weekly)
    reference = read_reference(home.bundles / home.published().bundle)
    census = reference.census
    assert (census.facts.counts.sum(1) == census.customers).all()
    assert sum(reference.importance.values()) == pytest.approx(1)
    assert set(reference.whole) == {*census.facts.bins.names, *census.scores.bins.names}


def test_the_page_is_well_formed_offline_and_in_both_languages(report: Report) -> None:
    page = page_of(report)
    root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))
    text = "".join(root.itertext())
    for words in ("Facts: the 30 most drifted", "漂移最大的", "建议", "What arrived".lower(), "数据表"):
        assert words in text
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in page
    for element in root.iter():
        assert not {"src", "href", "onload", "onclick"} & set(element.attrib)
        assert element.tag not in ("script", "img", "iframe", "link", "object")
    assert len(list(root.iter("svg"))) > 30
    assert len(page) < 400_000


BAD = "<script>alert(1)</script>\"' onmouseover=x \x00\x1b\u202e&amp;]]>"


def test_nothing_from_the_data_becomes_markup(report: Report) -> None:
    compared = report.compared
    drifts = tuple(replace(each, name=f"{each.name}{BAD}") for each in compared.facts)
    scores = tuple(
        replace(each, name=f"{each.name}{BAD}") if ":" in each.name else each for each in compared.scores
    )
    outcome = report.outcomes[0]
    slices = tuple(replace(each, axis=BAD, name=BAD) for each in outcome.slices)
    paces = tuple(replace(each, table=BAD) for each in report.paces)
    findings = tuple(replace(each, english=BAD, chinese=BAD, subject=BAD) for each in report.findings)
    evil = replace(
        report,
        base=BAD,
        bundle=BAD,
        trained_as_of=BAD,
        accepted=BAD,
        currency=BAD,
        gone=(BAD,),
        paces=paces,
        findings=findings,
        compared=replace(compared, facts=drifts, scores=scores),
        outcomes=(replace(outcome, bundle=BAD, slices=slices, too_small=(BAD,)),),
        notes=((BAD, BAD),),
    )
    page = page_of(evil)
    root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))
    assert not list(root.iter("script"))
    assert "<script" not in page
    assert not any("onmouseover" in element.attrib for element in root.iter())
    assert "alert(1)" in "".join(root.itertext())


def test_the_report_is_json_without_nan(weekly: Path) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    for path in (weekly / "watch").glob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)
