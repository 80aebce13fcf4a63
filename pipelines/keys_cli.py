"""`holdfast keys`: who may ask the service, changed while it runs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal import show
from releases.access import BURST, RATE
from releases.home import Home

app = typer.Typer(help="Make, list, revoke and rotate the service's keys.", no_args_is_help=True)

HomeOption = Annotated[Path, typer.Option("--home", help="The home whose service they are for.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Named = Annotated[str, typer.Argument(help="A key's name or id.")]
HOME = Path("home")


class Scope(StrEnum):
    score = "score"
    decide = "decide"
    read = "read"
    events = "events"
    operate = "operate"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[list[Scope], typer.Option(help="What it is allowed; may be repeated.")],
    expires: Annotated[
        str | None, typer.Option(help="A date or ISO timestamp with a zone (a date is in UTC); else never.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Requests a second, for each process of the service.")] = RATE,
    burst: Annotated[int, typer.Option(help="Requests at once, for each process of the service.")] = BURST,
    home: HomeOption = HOME,
    json: JsonOption = False,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from pipelines import keys as job  # noqa: PLC0415

    scopes = tuple(str(each) for each in scope)
    show(job.create(Home(home), name, scopes, expires, rate, burst), json, job.render_created)


@app.command("list")
def list_(home: HomeOption = HOME, json: JsonOption = False) -> None:
    """All keys that were made, and which of them are good."""
    from pipelines import keys as job  # noqa: PLC0415

    show(job.listed(Home(home)), json, job.render_listed)


@app.command()
def revoke(named: Named, home: HomeOption = HOME, json: JsonOption = False) -> None:
    """End all keys of this name, or the one of this id, now; a running service knows within a second."""
    from pipelines import keys as job  # noqa: PLC0415

    show(job.revoke(Home(home), named), json, job.render_ended)


@app.command()
def rotate(
    named: Named,
    hours: Annotated[float, typer.Option(min=0, max=8784, help="How long the old key stays good.")] = 24,
    home: HomeOption = HOME,
    json: JsonOption = False,
) -> None:
    """Make a key like this one and let the old one end after some hours."""
    from pipelines import keys as job  # noqa: PLC0415

    show(job.rotate(Home(home), named, hours), json, job.render_rotated)
