"""Keeps customers: facts, churn, value, offers, weekly and at once.

Exit codes: 0 done, 1 refused with a reason, 2 wrong usage, 143 stopped by SIGTERM.
"""

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from pipelines.configuration import memory_limit
from pipelines.disk import is_full
from pipelines.keys_cli import app as keys_app
from pipelines.log_cli import app as log_app
from pipelines.policy_cli import app as policy_app
from pipelines.running import Ended, running, stopping
from pipelines.terminal import errors, show
from releases.home import Home
from tables.memory import limited
from tables.refusal import Refused

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

app.add_typer(policy_app, name="policy")
app.add_typer(log_app, name="log")
app.add_typer(keys_app, name="keys")

HomeOption = Annotated[Path, typer.Option("--home", help="Tables, histories and what is published.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="A date or ISO timestamp; by default the data's last moment.")
]
HOME = Path("home")


class Engine(StrEnum):
    local = "local"
    spark = "spark"


EngineOption = Annotated[Engine, typer.Option(help="spark: see docs/spark.md.")]
Master = Annotated[
    str | None,
    typer.Option(help="With --engine spark: local[2], spark://host:7077, yarn, sc://host:15002 ...; "
    "else what spark-submit says, or all cores of this machine."),
]  # fmt: skip
TablesOption = Annotated[
    str | None,
    typer.Option(help="With --engine spark: a folder of checked tables, a path or URL; else the home's."),
]

IncomingOption = Annotated[
    str | None,
    typer.Option(help="With --engine spark: a folder of incoming tables, a path or URL; else the home's."),
]
SparkOut = Annotated[
    str | None,
    typer.Option(help="With --engine spark: a folder that is not there yet, a path or URL."),
]


def _run(
    home: Path,
    job: str,
    as_json: bool,
    work: Callable[[Home], dict[str, Any]],
    render: Callable[[dict[str, Any]], list[Any]],
    *,
    changes: bool = True,
    within_limit: bool = True,
) -> None:
    limit = memory_limit() if within_limit else None
    with running(home, job, changes=changes), limited(limit):
        show(work(Home(home)), as_json, render)


def _refuse_options_of_spark(engine: Engine, options: dict[str, str | None]) -> None:
    """Nobody shall think that an option did what it did not."""
    given = [name for name, value in options.items() if value is not None]
    if engine is Engine.local and given:
        raise typer.BadParameter(f"{', '.join(given)} go with --engine spark")


def _named(out: str | None, what: str) -> str:
    if out is None:
        raise typer.BadParameter(f"--engine spark writes {what} to a folder: name it with --out FOLDER")
    return out


@app.command()
def simulate(
    home: HomeOption = HOME,
    customers: Annotated[int, typer.Option(min=1, help="How many customers the world has.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Same seed, same world.")] = 2026,
    weeks: Annotated[int, typer.Option(min=39, help="How long it runs, a multiple of 13.")] = 104,
    json: JsonOption = False,
) -> None:
    """Make a loyalty world whose truth is known."""
    from pipelines import simulate as job  # noqa: PLC0415

    _run(
        home,
        "simulate",
        json,
        lambda h: job.simulate(h, customers, seed, weeks),
        job.render,
        within_limit=False,
    )


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="A folder in config/sources.")],
    raw: Annotated[
        str | None, typer.Option(help="The folder of the raw files; with --engine spark it may be a URL.")
    ] = None,
    home: HomeOption = HOME,
    engine: EngineOption = Engine.local,
    out: SparkOut = None,
    master: Master = None,
    json: JsonOption = False,
) -> None:
    """Turn raw data into the contract's tables."""
    from pipelines import import_ as job  # noqa: PLC0415

    _refuse_options_of_spark(engine, {"--out": out, "--master": master})
    if engine is Engine.spark:
        from pipelines.spark import source as by_spark  # noqa: PLC0415

        folder = _named(out, "tables")
        work = partial(by_spark.import_, name=name, raw=raw, out=folder, master=master)
        _run(home, "import", json, lambda _: work(), job.render, changes=False)
        return
    where = Path(raw) if raw is not None else None
    _run(home, "import", json, lambda h: job.import_(h, name, where), job.render)


@app.command()
def check(
    home: HomeOption = HOME,
    share: Annotated[float, typer.Option(min=0, max=1, help="Refused rows allowed a table.")] = 0.01,
    engine: EngineOption = Engine.local,
    out: SparkOut = None,
    master: Master = None,
    tables: IncomingOption = None,
    json: JsonOption = False,
) -> None:
    """Check the tables against the contract and sort them into histories."""
    from pipelines import check as job  # noqa: PLC0415

    _refuse_options_of_spark(engine, {"--out": out, "--master": master, "--tables": tables})
    try:
        if engine is Engine.spark:
            from pipelines.spark import check as by_spark  # noqa: PLC0415

            folder = _named(out, "the rows that hold and those that do not")
            work = partial(by_spark.check, share=share, out=folder, master=master, tables=tables)
            _run(home, "check", json, work, job.render, changes=False)
        else:
            _run(home, "check", json, lambda h: job.check(h, share), job.render)
    except job.Unusable as error:
        show(error.report, json, job.render)
        raise


@app.command()
def merge(
    home: HomeOption = HOME,
    share: Annotated[float, typer.Option(min=0, max=1, help="Refused rows allowed a table.")] = 0.01,
    json: JsonOption = False,
) -> None:
    """Add the incoming tables (new rows, corrections, withdrawals) to the base, as a feed."""
    from pipelines import merge as job  # noqa: PLC0415
    from pipelines.check import Unusable, render  # noqa: PLC0415

    try:
        _run(home, "merge", json, lambda h: job.merge(h, share), job.render)
    except Unusable as error:
        show(error.report, json, render)
        raise


@app.command()
def rebuild(
    home: HomeOption = HOME,
    buckets: Annotated[int | None, typer.Option(help="A power of two; by default as many as now.")] = None,
    json: JsonOption = False,
) -> None:
    """Sort the base's histories anew from its checked tables, as after a change of what is recorded."""
    from pipelines import merge as job  # noqa: PLC0415

    _run(home, "rebuild", json, lambda h: job.rebuild(h, buckets), job.render_rebuilt)


@app.command()
def backfill(
    out: Annotated[Path, typer.Option(help="The folder of the files, one a moment.")],
    begin: Annotated[str, typer.Option("--from", help="The first moment: a date or ISO timestamp.")],
    end: Annotated[str, typer.Option("--to", help="The last moment.")],
    every: Annotated[int, typer.Option(min=1, help="Days between moments.")] = 28,
    home: HomeOption = HOME,
    json: JsonOption = False,
) -> None:
    """Write everybody's facts at past moments, as they were known then."""
    from pipelines import features as job  # noqa: PLC0415

    _run(
        home,
        "backfill",
        json,
        lambda h: job.backfill(h, out, begin, end, every),
        job.render_backfill,
        changes=False,
    )


@app.command()
def features(
    home: HomeOption = HOME,
    catalogue: Annotated[bool, typer.Option("--catalogue", help="What facts there are.")] = False,
    customer: Annotated[str | None, typer.Option(help="One customer's facts.")] = None,
    out: Annotated[
        str | None, typer.Option(help="Write everybody's facts to this Parquet file (by Spark: folder).")
    ] = None,
    as_of: AsOf = None,
    engine: EngineOption = Engine.local,
    master: Master = None,
    tables: TablesOption = None,
    json: JsonOption = False,
) -> None:
    """Print the catalogue or one customer's facts, or write everybody's."""
    from pipelines import features as job  # noqa: PLC0415

    _refuse_options_of_spark(engine, {"--master": master, "--tables": tables})
    if catalogue:
        show(job.catalogue(), json, job.render_catalogue)
    elif customer is not None:
        show(job.customer_facts(Home(home), customer, as_of), json, job.render_customer)
    elif out is not None and engine is Engine.spark:
        from pipelines.spark import job as by_spark  # noqa: PLC0415

        work = partial(by_spark.write_facts, out=out, as_of=as_of, master=master, tables=tables)
        _run(home, "features", json, work, by_spark.render_facts)
    elif out is not None:
        _run(
            home,
            "features",
            json,
            lambda h: job.write_facts(h, Path(out), as_of),
            job.render_written,
            changes=False,
        )
    else:
        raise typer.BadParameter("choose one of --catalogue, --customer ID and --out FILE")


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    home: HomeOption = HOME,
    as_of: AsOf = None,
    below: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The churn probability to fall below; else that of the next band."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Why one customer may leave, and what would have to change, by the published models."""
    from pipelines import explain as job  # noqa: PLC0415

    show(job.explain(Home(home), customer, as_of, below), json, job.render)


@app.command()
def train(
    home: HomeOption = HOME,
    as_of: AsOf = None,
    horizon: Annotated[int, typer.Option(help="Days within which churn is asked for.")] = 91,
    question: Annotated[
        str, typer.Option(help="silence: who buys nothing; contract: whose contract ends unprolonged.")
    ] = "silence",
    grace: Annotated[
        int, typer.Option(help="Days after the horizon until which a prolongation may become known.")
    ] = 0,
    experiment: Annotated[str, typer.Option(help="The MLflow experiment.")] = "holdfast",
    json: JsonOption = False,
) -> None:
    """Train churn, value and offer models; judge them on held-out time; register the challenger."""
    from models.question import Question  # noqa: PLC0415
    from pipelines import train as job  # noqa: PLC0415

    def asked() -> Question:
        return Question(horizon, kind=question, grace_days=grace)

    _run(home, "train", json, lambda h: job.train(h, as_of, asked(), experiment), job.render)


@app.command()
def search(
    home: HomeOption = HOME,
    also: Annotated[list[Path] | None, typer.Option(help="Another home; may be repeated.")] = None,
    as_of: AsOf = None,
    horizon: Annotated[int, typer.Option(help="Days within which churn is asked for.")] = 91,
    trials: Annotated[int, typer.Option(min=1, help="Recipes that the study shall have tried.")] = 50,
    rows: Annotated[int, typer.Option(min=1_000, help="At most so many rows a base.")] = 60_000,
    study: Annotated[str, typer.Option(help="A study of this name is gone on with.")] = "churn",
    storage: Annotated[str, typer.Option(help="The database of studies.")] = "sqlite:///mlruns/search.db",
    json: JsonOption = False,
) -> None:
    """Try other recipes for churn, judged out of time on one base or several; resumable."""
    from pipelines import search as job  # noqa: PLC0415

    homes = [Home(each) for each in (home, *(also or ()))]
    _run(
        home,
        "search",
        json,
        lambda _: job.search(homes, as_of, horizon, trials, rows, study, storage),
        job.render,
        changes=False,
    )


@app.command()
def affinity(
    home: HomeOption = HOME,
    as_of: AsOf = None,
    item: Annotated[str, typer.Option(help="What is bought: category or product_id.")] = "category",
    experiment: Annotated[str, typer.Option(help="The MLflow experiment.")] = "holdfast-affinity",
    json: JsonOption = False,
) -> None:
    """What customers will buy next: train and judge the ranker of product offers, and keep it."""
    from pipelines import affinity as job  # noqa: PLC0415

    _run(home, "affinity", json, lambda h: job.affinity(h, as_of, item, experiment), job.render)


@app.command()
def promote(
    home: HomeOption = HOME,
    version: Annotated[int | None, typer.Option(help="A registered version; else the challenger.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="Publish although a check of the gate fails, for this reason.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Hold a registered model against the champion; publish it as the bundle that batch and service load."""
    from pipelines import promote as job  # noqa: PLC0415

    _run(home, "promote", json, lambda h: job.promote(h, version, reason), job.render)


@app.command()
def score(
    home: HomeOption = HOME,
    as_of: AsOf = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from an unfinished run.")] = False,
    accept: Annotated[
        str | None, typer.Option(help="Publish although a bound is broken, for this reason.")
    ] = None,
    shadow: Annotated[
        int | None,
        typer.Option(help="A registered version that says, beside the week, what it would have said."),
    ] = None,
    engine: EngineOption = Engine.local,
    out: Annotated[
        str | None, typer.Option(help="With --engine spark: the folder of scores; nothing is published.")
    ] = None,
    master: Master = None,
    tables: TablesOption = None,
    json: JsonOption = False,
) -> None:
    """Score the whole base and publish the week."""
    _refuse_options_of_spark(engine, {"--out": out, "--master": master, "--tables": tables})
    if engine is Engine.spark:
        from pipelines.spark import job as by_spark  # noqa: PLC0415

        if shadow is not None:
            raise typer.BadParameter("--engine spark publishes no week that could have a --shadow")
        folder = _named(out, "scores")
        work = partial(by_spark.write_scores, out=folder, as_of=as_of, master=master, tables=tables)
        _run(home, "score", json, work, by_spark.render_scores)
        return
    from pipelines import score as job  # noqa: PLC0415
    from pipelines.week_report import render  # noqa: PLC0415

    _run(
        home,
        "score",
        json,
        lambda h: job.score(h, as_of, resume=resume, accept=accept, shadow=shadow),
        render,
    )


@app.command()
def contacts(
    output: Annotated[Path, typer.Option(help="The Parquet file to write.")],
    week: Annotated[str | None, typer.Option(help="A kept week; else the published one.")] = None,
    home: HomeOption = HOME,
    json: JsonOption = False,
) -> None:
    """Write a week's contacts, sent and held back, as rows of the table `contacts` for the next feed."""
    from pipelines import contacts as job  # noqa: PLC0415

    _run(home, "contacts", json, lambda h: job.contacts(h, week, output), job.render, changes=False)


@app.command()
def shadow(
    home: HomeOption = HOME,
    decisions: Annotated[
        int | None, typer.Option(help="A registered version, to be asked about the service's decisions.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Decisions made from this day or instant on.")] = None,
    until: Annotated[str | None, typer.Option(help="Decisions made before this day or instant.")] = None,
    json: JsonOption = False,
) -> None:
    """What shadows said beside weeks or decisions, and who was right where the outcomes are known."""
    if decisions is not None:
        from pipelines import shadow_decisions  # noqa: PLC0415

        said = shadow_decisions.compare_decisions(Home(home), decisions, since, until)
        show(said, json, shadow_decisions.render)
        return
    if since or until:
        raise typer.BadParameter("--since and --until choose decisions: they need --decisions VERSION")
    from pipelines import shadow_report as job  # noqa: PLC0415

    show(job.compare_shadows(Home(home)), json, job.render)


@app.command()
def watch(home: HomeOption = HOME, json: JsonOption = False) -> None:
    """What the last week was held against, what broke, and where its page is."""
    from pipelines import watch as job  # noqa: PLC0415

    show(job.watch(Home(home)), json, job.render)


@app.command()
def rollback(
    home: HomeOption = HOME,
    to: Annotated[str | None, typer.Option(help="The week to go back to; else what was before.")] = None,
    json: JsonOption = False,
) -> None:
    """Set the pointer back to what was published before."""
    from pipelines import status as job  # noqa: PLC0415

    _run(home, "rollback", json, lambda h: job.rollback(h, to), job.render_rollback, within_limit=False)


@app.command()
def status(home: HomeOption = HOME, json: JsonOption = False) -> None:
    """What is published, how old it is, and what is running; ends with 1 where a part is damaged."""
    from pipelines import status as job  # noqa: PLC0415

    said = job.status(Home(home))
    show(said, json, job.render_status)
    job.refuse_damage(said)


@app.command()
def replay(
    decision: Annotated[str, typer.Argument(help="The decision_id that the service answered.")],
    home: HomeOption = HOME,
    base: Annotated[
        str | None,
        typer.Option(help="Read another base than the decision did, as when that was pruned; or `current`."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a decision again; ends with 0 if it comes out the same, 1 if different, 2 if it cannot be made."""
    from pipelines import replay as job  # noqa: PLC0415

    try:
        said = job.replay(Home(home), decision, base)
    except Refused as error:
        _end(f"cannot replay: {error}", job.UNABLE)
    show(said, json, job.render)
    raise typer.Exit(job.SAME if said["same"] else job.DIFFERENT)


@app.command()
def rehearse(
    policy: Annotated[Path, typer.Option(help="The policy to rehearse.")],
    weeks: Annotated[int, typer.Option(min=1, max=26, help="How many weeks are lived.")] = 8,
    home: HomeOption = HOME,
    json: JsonOption = False,
) -> None:
    """Weeks of decisions and reactions in the simulated world; ends with 1 where a guarantee is broken."""
    from pipelines import rehearse as job  # noqa: PLC0415
    from pipelines.rehearsal_report import render  # noqa: PLC0415

    with running(home, "rehearse", changes=False), limited(memory_limit()):
        said = job.rehearse(Home(home), policy, weeks)
    show(said, json, render)
    job.refuse_broken(said)


@app.command()
def serve(
    home: HomeOption = HOME,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file; with it, HTTPS is spoken.")] = None,
    private_key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's key.")] = None,
    sandbox: Annotated[bool, typer.Option(help="Simulated customers: time goes on from the week.")] = False,
) -> None:
    """Answer the CRM over HTTP from what is published."""
    from pipelines import serve as job  # noqa: PLC0415

    job.serve(Home(home), host, port, workers, certificate, private_key, sandbox=sandbox)


def main() -> None:
    try:
        with stopping():
            app()
    except Ended as ended:
        _end(
            f"stopped by {ended}: what is published is whole; run the command again "
            "(`holdfast score --resume` goes on from the finished buckets)",
            ended.code,
        )
    except Exception as error:
        # First, as a table that cannot be read for want of space is refused like one that is damaged.
        if not is_full(error):
            if isinstance(error, Refused):
                _end(f"refused: {error}", 1)
            raise
        _end(
            f"the disk is full: {error}. What is published is whole; free some space (`holdfast "
            "status` shows what is kept, config/home.yaml says how much may be), then run the command again "
            "(`holdfast score --resume` goes on from the finished buckets)",
            1,
        )


def _end(says: str, code: int) -> NoReturn:
    what, separator, rest = says.partition(":")
    errors.print(f"[bold red]{escape(what)}{separator}[/]{escape(rest)}", highlight=False, soft_wrap=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
