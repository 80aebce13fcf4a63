"""The base of a rehearsed life: the published one at first, then merged with what each week brings."""

import json
import os
import shutil
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tables.checking import check_tables
from tables.contract import TABLES
from tables.feed import Onto
from tables.history import Histories, read_histories
from tables.merging import merge_histories
from tables.moment import in_zone
from tables.refusal import Refused
from tables.sealed import canonical_json
from tables.small_table import write_timelines_and_owners


class LivingBase:
    """`tables` and `histories` are folders of a base and are only read; `folder` is this one's own."""

    def __init__(self, base: Path, folder: Path, coming: dict[str, pa.Table]) -> None:
        self.tables, self.histories_folder, self.folder = base / "tables", base / "histories", folder
        self.coming = dict(coming)
        self.feeds = 0

    @cached_property
    def zone(self) -> str:
        return str(json.loads((self.tables / "base.json").read_text(encoding="utf-8"))["time_zone"])

    def add(self, rows: dict[str, pa.Table]) -> None:
        """What happened; each row is told when it is known."""
        for name, table in rows.items():
            before = self.coming.get(name)
            self.coming[name] = table if before is None else pa.concat_tables([before, table])

    def at(self, t: int) -> Histories:
        """The histories with all that is known at t (microseconds), by the checks and the merge of a weekly
        feed. Raises Refused where rows of the world do not keep the contract."""
        came = {}
        for name, table in self.coming.items():
            clocks = [table[clock].cast(pa.int64()) for clock in ("at", "known_at")]
            known = pc.less_equal(pc.max_element_wise(*clocks), t)
            came[name], self.coming[name] = table.filter(known), table.filter(pc.invert(known))
        self._merge({name: table for name, table in came.items() if table.num_rows}, t)
        return read_histories(self.histories_folder)

    def _merge(self, feed: dict[str, pa.Table], t: int) -> None:
        self.feeds += 1
        own = self.folder / f"{self.feeds:03}"
        incoming, tables, histories = own / "incoming", own / "tables", own / "histories"
        for folder in (incoming, tables, histories):
            folder.mkdir(parents=True)
        said = json.loads((self.tables / "base.json").read_text(encoding="utf-8"))
        said["ends_at"] = in_zone(t, self.zone).isoformat()
        said.pop("columns")
        (incoming / "base.json").write_text(canonical_json(said), encoding="utf-8")
        for name, table in feed.items():
            path = incoming / f"{name}.parquet"
            pq.write_table(table, path, compression="zstd", write_page_checksum=True)
        onto = Onto(self.tables, self.histories_folder)
        now = datetime.fromtimestamp(t / 1e6, UTC)
        if feed:
            report = check_tables(incoming, tables, own / "refused", share=0.0, now=now, onto=onto)
            if not report.usable:
                wrong = {n: each.broken for n, each in report.tables.items() if each.broken}
                raise Refused(f"rehearsed week: rows of the world break rules of the contract: {wrong}")
        else:
            (tables / "base.json").write_text(canonical_json(onto.joined_base(said, {})), encoding="utf-8")
        for path in self.tables.glob("*.parquet"):
            os.link(path, tables / path.name)
        base = json.loads((tables / "base.json").read_text(encoding="utf-8"))
        write_timelines_and_owners(tables, base, histories)
        new = {name: [tables / onto.file_name(name)] for name in feed}
        ids = [feed[n]["customer_id"].unique() for n in feed if TABLES[n].is_of_a_customer()]
        merge_histories(
            self.histories_folder, new, base, histories, pa.concat_arrays([pa.array([], pa.string()), *ids])
        )
        self.tables, self.histories_folder = tables, histories
        # What was not touched is linked: the folder of the week before is needed no more.
        shutil.rmtree(self.folder / f"{self.feeds - 1:03}", ignore_errors=True)


def people_in(histories: Histories, names: pa.Array) -> np.ndarray:
    """Where the world's people stand in the base; Refused where it is the base of another world."""
    places = histories.find(names.to_pylist())
    if (places < 0).any():
        missing = names[int(np.flatnonzero(places < 0)[0])]
        raise Refused(
            f"customer {missing} of the simulated world is not in the base: it is the base of another world; "
            "run `holdfast simulate`, `check`, `train`, `promote` and `score`"
        )
    return places
