"""Each notebook runs in a kernel, with the code of the jobs: on a smaller world, nightly as it stands."""

import re
from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.long
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WORLD = re.compile(r"customers=[\d_]+, seed=(\d+), weeks=\d+")
LEAST_CUSTOMERS = {"04_offers_and_uplift": 1000}  # with fewer, too few are held back from a contact


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all of them: to make one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/mlflow.db"


def smaller(text: str, customers: int) -> str:
    text, worlds = WORLD.subn(rf"customers={customers}, seed=\1, weeks=78", text)
    assert worlds == 1
    return text


@pytest.mark.parametrize(
    "is_small",
    [True, pytest.param(False, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)])],
    ids=["small", "as it stands"],
)
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_notebook_runs(
    path: Path, is_small: bool, tracking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of its own, away from the MLflow of whoever tests."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    text = path.read_text(encoding="utf-8")
    if is_small:
        text = smaller(text, LEAST_CUSTOMERS.get(path.stem, 400))
    notebook = jupytext.reads(text, fmt="py:percent")
    # The test's own timeout says how long it may take.
    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert any(cell.get("outputs") for cell in notebook.cells)
