"""`holdfast log`: whether the log of decisions is whole, and how it is kept small."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.running import running
from pipelines.terminal import show
from releases.home import Home

app = typer.Typer(help="Verify the log of decisions, or compact it.", no_args_is_help=True)

HomeOption = Annotated[Path, typer.Option("--home", help="The home whose log it is.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
HOME = Path("home")


@app.command()
def verify(home: HomeOption = HOME, json: JsonOption = False) -> None:
    """Hold every record against its hash and the one before; ends with 1 where something is damaged."""
    from pipelines import log as job  # noqa: PLC0415

    said = job.verify(Home(home))
    show(said, json, job.render_verified)
    job.refuse_damage(said)


@app.command()
def compact(home: HomeOption = HOME, json: JsonOption = False) -> None:
    """Turn full segments into Parquet, which verifies as they did."""
    from pipelines import log as job  # noqa: PLC0415

    with running(home, "log compact"):
        show(job.compact(Home(home)), json, job.render_compacted)
