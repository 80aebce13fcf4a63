"""A bucket put aside: complete or absent, and what it says is what was put into it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from decisions.circumstance import Circumstances
from decisions.known import Known
from decisions.standing import Standing
from models.scorer import Scores
from pipelines.bucket import Batch, Bucket, is_finished, write_bucket
from pipelines.tally import Tally
from releases.row import ASSESSED
from tables.refusal import Refused


class Bins:
    """Counts of a kind that is quickly made, in the place of what is counted of a week."""

    def __init__(self, bins: Any = (0, 0, 0)) -> None:
        self.bins = np.array(bins, np.int64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"bins": self.bins}

    def with_arrays(self, kept: dict[str, Any]) -> "Bins":
        return Bins(kept["bins"])

    def __add__(self, other: "Bins") -> "Bins":
        return Bins(self.bins + other.bins)


def tally_of(*bins: int) -> Tally:
    counted: Any = Bins(bins or (0, 0, 0))
    return Tally(counted)


def batch(begin: int, size: int, offers: int = 2) -> Batch:
    rows = ASSESSED.empty_table().to_pydict() | {
        "customer_id": [f"c{k}" for k in range(begin, begin + size)],
        "status": ["in_base"] * size,
        "held_out": [False] * size,
    }
    table = pa.table({name: rows[name] or [None] * size for name in ASSESSED.names}, schema=ASSESSED)
    values = np.arange(begin, begin + size * offers, dtype=float).reshape(size, offers)
    nothing = np.zeros(size)
    known = Known(size, {"orders": nothing + begin, "spend": np.append(np.full(size - 1, np.nan), begin)})
    standing = Standing(known, np.arange(size, dtype=np.int8), np.arange(size) + 10 * begin)
    told = dict.fromkeys(("consents", "is_personalised", "open_complaints"), nothing + begin)
    who = Circumstances(
        ids=np.array(rows["customer_id"], dtype=object),
        held_out=nothing > 0,
        stage=standing.stage,
        unanswered=nothing,
        days_since_contact=nothing * np.nan,
        contacts=values,
        days_to=np.empty((size, 0)),
        hours=-values,
        **told,
    )
    return Batch(table, Scores(nothing, nothing, values, -values), standing, who)


def test_what_is_put_aside_is_read_back(tmp_path: Path) -> None:
    tally = tally_of(1, 2, 3)
    tally.status["in_base"] = 5
    bucket = write_bucket(tmp_path / "bucket-000", iter([batch(0, 2), batch(2, 3)]), tally)
    assert is_finished(bucket.folder)
    assert bucket.rows()["customer_id"].to_pylist() == [f"c{k}" for k in range(5)]
    assert bucket.rows(["status"]).column_names == ["status"]
    scores = bucket.scores()
    assert scores.response.tolist() == [[0, 1], [2, 3], [2, 3], [4, 5], [6, 7]]
    assert np.array_equal(scores.uplift, -scores.response)
    standing = bucket.standing()
    ids = np.array([f"c{k}" for k in range(5)], dtype=object)
    who = bucket.who(ids, standing.stage)
    assert who.consents.tolist() == [0, 0, 2, 2, 2]
    assert who.contacts.tolist() == scores.response.tolist()
    assert who.days_to.shape == (5, 0)
    assert (who.ids is ids, who.held_out.dtype) == (True, bool)
    assert standing.known("orders").tolist() == [0, 0, 2, 2, 2]
    np.testing.assert_array_equal(standing.known("spend"), [np.nan, 0, np.nan, np.nan, 2])
    assert np.isnan(standing.known("strategic_fit")).all()  # what is not there is not known of anybody
    assert standing.stage.tolist() == [0, 1, 0, 1, 2]
    assert standing.since.tolist() == [0, 1, 20, 21, 22]
    whole = tally_of()
    for _ in range(2):
        bucket.add_to(whole)
    assert whole.status == {"in_base": 10}
    assert whole.arrays()["bins"].tolist() == [2, 4, 6]


@pytest.mark.parametrize("offers", [0, 1])
def test_a_bucket_may_have_no_offers(tmp_path: Path, offers: int) -> None:
    one = batch(0, 3, 1)
    none = one._replace(
        scores=Scores(*one.scores[:2], one.scores.response[:, :offers], one.scores.uplift[:, :offers]),
    )
    bucket = write_bucket(tmp_path / "bucket-000", [none], tally_of())
    assert bucket.scores().response.shape == (3, offers)


def test_an_error_on_the_way_leaves_nothing_and_what_stood_there_before(tmp_path: Path) -> None:
    folder = tmp_path / "bucket-000"
    write_bucket(folder, [batch(0, 2)], tally_of())

    def breaks() -> Any:
        yield batch(0, 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bucket(folder, breaks(), tally_of())
    assert [path.name for path in tmp_path.iterdir()] == ["bucket-000"]
    assert is_finished(folder)
    write_bucket(folder, [batch(7, 1)], tally_of())
    assert Bucket(folder).rows()["customer_id"].to_pylist() == ["c7"]


def test_a_bucket_that_is_not_there_or_has_no_manifest_is_not_finished(tmp_path: Path) -> None:
    assert not is_finished(tmp_path / "none")
    bucket = write_bucket(tmp_path / "bucket-000", [batch(0, 2)], tally_of())
    (bucket.folder / "manifest.json").write_text('{"files": {"x": 5}}')
    assert not is_finished(bucket.folder)
    with pytest.raises(Refused, match="cannot be read"):
        Bucket(tmp_path / "none")
