"""`holdfast policy`: to read a policy critically, and to see what another one would change."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal import show
from releases.home import Home

app = typer.Typer(help="Check the policy, or say what another one would change.", no_args_is_help=True)

HomeOption = Annotated[Path, typer.Option("--home", help="The base to hold it against.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
HOME = Path("home")


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="By default policy.yaml of the configuration.")] = None,
    home: HomeOption = HOME,
    json: JsonOption = False,
) -> None:
    """Gaps, overlaps, cells without a plan, benefits that get worse, offers nobody can get, idle budgets."""
    from pipelines import policy as job  # noqa: PLC0415

    found = job.check(Home(home), file)
    show(found, json, job.render)
    job.refuse_errors(found)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="A policy file.")],
    after: Annotated[Path, typer.Argument(help="Another one.")],
    home: HomeOption = HOME,
    json: JsonOption = False,
) -> None:
    """How many customers would change tier, class, plan or action, and what it would cost."""
    from pipelines import policy_diff as job  # noqa: PLC0415

    show(job.diff(Home(home), before, after), json, job.render)


@app.command()
def stability(
    file: Annotated[Path | None, typer.Argument(help="By default policy.yaml of the configuration.")] = None,
    home: HomeOption = HOME,
    days: Annotated[int, typer.Option(min=1, help="How many days before the other moment lies.")] = 7,
    draws: Annotated[int, typer.Option(min=2, help="How often the base is drawn anew.")] = 10,
    json: JsonOption = False,
) -> None:
    """Whether customers keep their tiers and classes: on a base drawn anew, and from week to week."""
    from pipelines import policy_stability as job  # noqa: PLC0415

    show(job.stability(Home(home), file, days, draws), json, job.render)


@app.command(name="what-if")
def what_if(
    file: Annotated[Path | None, typer.Argument(help="By default policy.yaml of the configuration.")] = None,
    home: HomeOption = HOME,
    limit: Annotated[str | None, typer.Option(help="The limit to scale; by default all of them.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the curve into this file (PNG, SVG, PDF).")] = None,
    json: JsonOption = False,
) -> None:
    """What the week's choice would be worth with more or less of a limit, and of one more unit of each."""
    from pipelines import policy_what_if as job  # noqa: PLC0415

    show(job.what_if(Home(home), file, limit, plot), json, job.render)
