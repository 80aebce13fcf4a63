"""The reasons of a week as the service needs them at once: everybody's, each different sentence once."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from releases.week import week_parts

COLUMNS = ("reasons", "reasons_zh")


class WeekReasons(NamedTuple):
    """In the order of the base: who stands at p has the sentences begins[p] to begins[p + 1]. places: which
    of a language's `sentences` each is, in English and in Chinese."""

    begins: npt.NDArray[np.int64]
    places: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
    sentences: tuple[pa.Array, pa.Array]

    def said(self, place: int) -> list[tuple[str, str]]:
        """(English, Chinese), the strongest reason first; none of who is outside the models' base."""
        part = slice(self.begins[place], self.begins[place + 1])
        english, chinese = (
            [sentences[k].as_py() for k in places[part].tolist()]
            for places, sentences in zip(self.places, self.sentences, strict=True)
        )
        return list(zip(english, chinese, strict=True))


def week_reasons(folder: Path) -> WeekReasons:
    """What is read is verified; Refused where it is not whole."""
    counts: list[npt.NDArray[np.int64]] = []
    told: tuple[list[pa.Array], list[pa.Array]] = ([], [])
    for part in week_parts(folder, columns=list(COLUMNS)):
        for rows in part.to_batches():
            lists = rows.column(0)
            counts.append(np.asarray(lists.value_lengths().fill_null(0), np.int64))
            for own, column in zip(told, rows.columns, strict=True):
                own.append(column.flatten().dictionary_encode())
    whole = [
        pa.chunked_array(own, pa.dictionary(pa.int32(), pa.string())).unify_dictionaries() for own in told
    ]
    places = [
        np.concatenate([np.empty(0, np.int32), *(np.asarray(chunk.indices) for chunk in each.chunks)])
        for each in whole
    ]
    nothing = pa.array([], pa.string())
    sentences = [each.chunk(0).dictionary if each.num_chunks else nothing for each in whole]
    begins = np.concatenate(
        [np.zeros(1, np.int64), np.cumsum(np.concatenate([np.empty(0, np.int64), *counts]))]
    )
    return WeekReasons(begins, (places[0], places[1]), (sentences[0], sentences[1]))
