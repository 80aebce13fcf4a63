"""The command in this process (as quick as it is without its imports), homes of a small base to break, and
runs of `holdfast score` as processes to be killed. Sixty customers stand in four buckets."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines import cli
from releases.home import Home
from releases.week import read_week_rows
from tables import sorting
from tables.refusal import Refused
from tables.sealed import MANIFEST, point, pointed, sealed_folder


class Said(NamedTuple):
    """What a command said: exit code, standard output, standard error, and the JSON object if it is one."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


# What MLflow and its companions warn each other of is not ours to mend; our own warnings stay errors.
TRACKERS = ("mlflow", "shap", "matplotlib", "sqlalchemy", "alembic", "google", "pydantic")
Command = Callable[..., Said]


def run(*arguments: str | Path) -> Said:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(sys, "argv", ["holdfast", *map(str, arguments)])
        stack.enter_context(mock.patch.dict(os.environ))  # MLflow writes into it
        stack.enter_context(warnings.catch_warnings())
        for other in TRACKERS:
            warnings.filterwarnings("ignore", module=other)
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def command() -> Command:
    return run


CUSTOMERS_A_BUCKET = 16


@pytest.fixture(scope="session", autouse=True)
def small_buckets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "CUSTOMERS_A_BUCKET", CUSTOMERS_A_BUCKET)
        yield


@pytest.fixture(scope="module")
def larger_buckets(small_buckets: None) -> Iterator[None]:
    """For whole worlds: in buckets of sixteen, hundreds of customers take twenty times as long to sort."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "CUSTOMERS_A_BUCKET", 512)
        yield


@pytest.fixture(scope="session")
def small(published: Path, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A home of 60 customers, scored with the models of `published`. Do not change it: copy it."""

    def make(folder: Path) -> None:
        home = folder / "home"
        assert run("simulate", "--home", home, "--customers", "60", "--weeks", "52").code == 0
        assert run("check", "--home", home).code == 0
        shutil.copytree(published / "bundles", home / "bundles")
        shutil.copy(published / "signing.key", home)
        bundle = json.loads((published / "published.json").read_text())["states"][0]["bundle"]
        state = {"bundle": bundle, "policy": "", "week": "", "at": "2026-01-01T00:00:00+00:00"}
        (home / "published.json").write_text(json.dumps({"states": [state]}))
        assert run("score", "--home", home).code == 0

    return made_once("small", make) / "home"


@pytest.fixture(scope="module")
def tracking(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of the store that `published` was trained into."""
    stored = published.parent / "mlruns" / "mlflow.db"
    copy = tmp_path_factory.mktemp("tracking") / "mlflow.db"
    import mlflow  # noqa: PLC0415 (seconds, which most tests here need not wait for)

    with sqlite3.connect(stored) as whole, sqlite3.connect(copy) as to:
        whole.backup(to)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(copy.parent)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{copy}")
        yield mlflow.MlflowClient(f"sqlite:///{copy}", f"sqlite:///{copy}")


@pytest.fixture(scope="session")
def unequal(published: Path, holdfast: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `published` whose base says that who got the better offers lives in the east."""
    home = shutil.copytree(published, tmp_path_factory.mktemp("unequal") / "home")
    came = pointed(home / "incoming")
    assert came
    worth = pq.read_table(came / "offers.parquet", columns=["offer_id", "reward"]).to_pydict()
    reward = dict(zip(worth["offer_id"], worth["reward"], strict=True))
    week = read_week_rows(home / "weeks" / Home(home).published().week)
    got = [reward.get(each, 0) for each in week["chosen_offer"].to_pylist()]
    inside = [each == "in_base" for each in week["status"].to_pylist()]
    middle = statistics.median(each for each, here in zip(got, inside, strict=True) if here)
    ids = week["customer_id"].to_pylist()
    east = pa.array([who for who, each in zip(ids, got, strict=True) if each > middle])
    with sealed_folder(home / "incoming") as staged:
        shutil.copytree(came, staged.path, ignore=shutil.ignore_patterns(MANIFEST), dirs_exist_ok=True)
        rows = pq.read_table(staged.path / "customers.parquet")
        region = pc.if_else(pc.is_in(rows["customer_id"], value_set=east), "east", "west")
        place = rows.column_names.index("region")
        pq.write_table(rows.set_column(place, "region", region), staged.path / "customers.parquet")
    point(home / "incoming", staged.name)
    holdfast("check", "--home", home)
    return home


@pytest.fixture
def home(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """A copy of `small` to break; the working folder is its own too."""
    monkeypatch.setenv("HOLDFAST_CONFIG", str(root / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return shutil.copytree(small, tmp_path / "home")


@pytest.fixture(scope="session", autouse=True)
def own_config(root: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLDFAST_CONFIG", str(root / "config"))
        yield


def published_bytes(home: Path) -> dict[str, str]:
    """The hash of every file that was published."""
    files = [home / "published.json"]
    files += [path for shelf in ("bundles", "policies", "weeks") for path in (home / shelf).rglob("*")]
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


@pytest.fixture(scope="session")
def hashes() -> Callable[[Path], dict[str, str]]:
    return published_bytes


@pytest.fixture
def spoil(home: Path) -> Callable[[str, Callable[[Path], None]], None]:
    """Let other tables come in, in which one file was changed."""

    def change(table: str, damage: Callable[[Path], None]) -> None:
        current = pointed(home / "incoming")
        assert current
        with sealed_folder(home / "incoming") as staged:
            ours = shutil.ignore_patterns(MANIFEST)
            shutil.copytree(current, staged.path, ignore=ours, dirs_exist_ok=True)
            damage(staged.path / f"{table}.parquet")
        point(home / "incoming", staged.name)

    return change


DISK_SIZE = 64 * 2**20


@pytest.fixture
def disk(home: Path, tmp_path: Path) -> Iterator[Path]:
    """A home on a file system of its own, small enough to be filled."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs of limited size takes root")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield shutil.copytree(home, folder / "home")
    finally:
        subprocess.run(["umount", folder], check=True)


def fill_up(folder: Path, left: int) -> Path:
    """Leave so many bytes free."""
    ballast = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - left)
    return ballast


@pytest.fixture(scope="session")
def fill() -> Callable[[Path, int], Path]:
    return fill_up


def let_tables_in(home: Path, tables: dict[str, pa.Table], base: str) -> None:
    """Let these tables come in."""
    with sealed_folder(home / "incoming") as staged:
        (staged.path / "base.json").write_text(base)
        for name, rows in tables.items():
            pq.write_table(rows, staged.path / f"{name}.parquet")
    point(home / "incoming", staged.name)


def bytes_of_histories(home: Path) -> dict[str, bytes]:
    folder = Home(home).current_base() / "histories"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def known(rows: pa.Table) -> pa.ChunkedArray:
    """When each row was known, microseconds."""
    clocks = [rows[name].cast(pa.int64()) for name in ("at", "known_at") if name in rows.column_names]
    return pc.max_element_wise(*clocks)


@pytest.fixture(scope="session")
def let_in() -> Callable[[Path, dict[str, pa.Table], str], None]:
    return let_tables_in


@pytest.fixture(scope="session")
def histories_of() -> Callable[[Path], dict[str, bytes]]:
    return bytes_of_histories


@pytest.fixture
def feeds(home: Path) -> tuple[list[dict[str, pa.Table]], str]:
    """The tables of `home` as three feeds by when they were known, the first with all announcements."""
    whole = pointed(home / "incoming")
    assert whole
    tables = {path.stem: pq.read_table(path) for path in whole.glob("*.parquet")}
    cuts = [int(each) for each in pc.quantile(known(tables["transactions"]), [0.8, 0.9]).to_pylist()]
    parts: list[dict[str, pa.Table]] = [{}, {}, {}]
    for name, rows in tables.items():
        clock = known(rows)
        if name in ("products", "offers"):
            parts[0][name] = rows
            continue
        for k, (low, high) in enumerate(((-(2**62), cuts[0]), (cuts[0], cuts[1]), (cuts[1], 2**62))):
            inside = rows.filter(pc.and_(pc.greater(clock, low), pc.less_equal(clock, high)))
            if len(inside):
                parts[k][name] = inside
    return parts, (whole / "base.json").read_text()


# Imports what the command needs once, then becomes `holdfast score ...` in a new process for each line read.
FORKING = """
import os, sys
import numpy as np
from pathlib import Path
from features.consent import consent
from features.reader import read_facts
from pipelines import cli, score
from releases.home import Home
from releases.week import read_week_rows
from tables import history
histories = history.read_histories(Home(Path(sys.argv[1])).current_base() / "histories")
read_facts(histories, np.arange(1), histories.last_at)
read_facts(histories, np.arange(1), histories.last_at, (consent,))
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        home, log, *arguments = line.split()
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1), os.dup2(said, 2)
        sys.argv = ["holdfast", *arguments, "--home", home]
        try:
            cli.main()
        except SystemExit as end:
            os._exit(end.code or 0)
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Run(NamedTuple):
    """How a process ended: its wait status, how long it took, and what it said."""

    status: int
    seconds: float
    said: str


class Scoring:
    """Runs of a command, by default `holdfast score`, each a process of its own."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.log = folder / "log"
        self.peaceful = shutil.copytree(home, folder / "peaceful")  # where runs are never disturbed
        self.server = subprocess.Popen(
            [sys.executable, "-c", FORKING, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.server.stdout
        return self.server.stdout.readline().strip()

    def begin(self, home: Path, *arguments: str) -> int:
        """Start a run; returns its process."""
        assert self.server.stdin
        self.server.stdin.write(f"{home} {self.log} {' '.join(arguments or ('score',))}\n")
        self.server.stdin.flush()
        return int(self._line())

    def wait(self) -> Run:
        return Run(int(self._line()), 0.0, " ".join(self.log.read_text().split()))

    def run(self, home: Path, *arguments: str, after: float | None = None, by: int = signal.SIGKILL) -> Run:
        """One run, which is sent the signal `by` so many seconds after it began."""
        begin = time.perf_counter()
        child = self.begin(home, *arguments)
        if after is not None:
            while time.perf_counter() < begin + after:
                pass  # sleeping is too coarse
            with contextlib.suppress(ProcessLookupError):  # it was done before
                os.kill(child, by)
        return self.wait()._replace(seconds=time.perf_counter() - begin)

    def end(self) -> None:
        for pipe in (self.server.stdin, self.server.stdout):
            assert pipe
            pipe.close()
        self.server.wait(30)


@pytest.fixture(scope="module")
def scoring(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scoring]:
    runs = Scoring(small, tmp_path_factory.mktemp("scoring"))
    yield runs
    runs.end()


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One session on two cores for all tests; skipped where Java or PySpark is missing."""
    try:
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            raise Refused("no Java on the path, and no JAVA_HOME")
        from pipelines.spark.session import session  # noqa: PLC0415
    except Refused as missing:
        if os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with session("local[2]") as opened:
        yield opened
