"""The strongest reasons for a churn probability, by topic, in words an employee can say aloud.

A reason is a topic (models.topic), how much its facts together move the log-odds, and one fact that speaks
for it: of those whose value everyone may hear, the one that pushes most the way the topic does. Where only
others push that way, the topic is named and no value is said.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.sentence import Forms, Money, forms_of, number_of, sentences, write
from models.topic import EVERYONE, audiences_of, grouping, topics_of
from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
__all__ = ["NO_FACT", "STRONGEST", "Money", "Reason", "Texts", "Words", "reasons", "strongest", "texts"]
STRONGEST = 5
# Log-odds that move no probability: what rounding leaves where the facts of a topic cancel out.
NO_EFFECT = 1e-9
NO_FACT = -1


class Reason(NamedTuple):
    """topic: its name; fact and value: what speaks for it; effect: how much the topic moves the log-odds of
    leaving; audience: who may hear the value (models.topic); the words, which everyone may hear."""

    topic: str
    fact: str
    value: float
    effect: float
    audience: str
    english: str
    chinese: str


class Words(NamedTuple):
    """Reasons of some customers. fact: places in names of what speaks for a topic, NO_FACT where fewer topics
    have an effect; effect: the topic's, log-odds, nan there; shape (customers, STRONGEST)."""

    fact: npt.NDArray[np.int64]
    effect: Floats


class Texts(NamedTuple):
    """For each customer the list of what can be said, the strongest reason first."""

    english: pa.ListArray
    chinese: pa.ListArray


def strongest(contributions: Floats, names: tuple[str, ...]) -> Words:
    """The topics that move the log-odds most, and the fact that speaks for each.

    contributions: SHAP values in log-odds, shape (customers, facts), columns named by `names`.
    """
    grouped = grouping(names)
    words = Words(
        np.full((len(contributions), STRONGEST), NO_FACT, np.int64),
        np.full((len(contributions), STRONGEST), np.nan),
    )
    choose(contributions, grouped.by_topic, grouped.starts, _for_everyone(names), words.fact, words.effect)
    return words


@compiled
def choose(contributions: Any, by_topic: Any, starts: Any, is_said: Any, fact: Any, effect: Any) -> None:
    """Of equally strong topics, and of facts that push equally, the first is taken."""
    for row in range(len(contributions)):
        known = 0
        for topic in range(len(starts) - 1):
            total = 0.0
            for k in range(starts[topic], starts[topic + 1]):
                total += contributions[row, by_topic[k]]
            if abs(total) <= NO_EFFECT:
                continue
            if known < STRONGEST:
                known += 1
            elif abs(total) <= abs(effect[row, STRONGEST - 1]):
                continue
            place = known - 1
            while place > 0 and abs(total) > abs(effect[row, place - 1]):
                effect[row, place], fact[row, place] = effect[row, place - 1], fact[row, place - 1]
                place -= 1
            effect[row, place], fact[row, place] = total, topic
        for place in range(known):
            topic, way = fact[row, place], 1.0 if effect[row, place] > 0 else -1.0
            speaker, most, other, more = -1, 0.0, -1, 0.0
            for k in range(starts[topic], starts[topic + 1]):
                push = way * contributions[row, by_topic[k]]
                if is_said[by_topic[k]]:
                    if push > most:
                        speaker, most = by_topic[k], push
                elif push > more:
                    other, more = by_topic[k], push
            fact[row, place] = speaker if speaker >= 0 else other


def reasons(
    words: Words, values: Floats, names: tuple[str, ...], money: Money, *, to_service: bool = False
) -> list[list[Reason]]:
    """In words, for each of a few customers; values: facts in the columns of `names`.

    to_service: also say the values that not everyone may hear, as on the screen of who serves the customer.
    """
    is_there = words.fact != NO_FACT
    rows, _ = np.nonzero(is_there)
    fact, effect = words.fact[is_there], words.effect[is_there]
    value = values[rows, fact]
    form, style, number = _said(value, fact, names, money, to_service)
    told: list[list[Reason]] = [[] for _ in values]
    for k, row in enumerate(rows.tolist()):
        place, raises = int(fact[k]), bool(effect[k] > 0)
        middle = write(int(style[k]), number[k], money) if form[k] in (Forms.MANY, Forms.ONE) else ""
        english, chinese = (each.join(place, int(form[k]), middle, raises) for each in sentences(names))
        told[row].append(
            Reason(
                topic=topics_of(names)[place].name,
                fact=names[place],
                value=float(value[k]),
                effect=float(effect[k]),
                audience=audiences_of(names)[place],
                english=english,
                chinese=chinese,
            )
        )
    return told


def texts(words: Words, values: Floats, names: tuple[str, ...], money: Money) -> Texts:
    """What `reasons` says, for all customers at once; values: facts in the columns of `names`.

    Each different number is written once; Arrow puts the parts of the sentences together.
    """
    is_there = words.fact != NO_FACT
    rows, _ = np.nonzero(is_there)
    fact = words.fact[is_there]
    form, style, number = _said(values[rows, fact], fact, names, money, to_service=False)
    written = [""]
    place = np.zeros(len(fact), np.int64)
    is_written = (form == Forms.MANY) | (form == Forms.ONE)
    for which in np.unique(style).tolist():
        (own,) = np.nonzero(is_written & (style == which))
        different = pa.array(number[own]).dictionary_encode()
        place[own] = different.indices.to_numpy() + len(written)
        written += [write(which, each, money) for each in different.dictionary.to_pylist()]
    numbers = pa.array(written, pa.string()).take(pa.array(place))
    raises = words.effect[is_there] > 0
    said = (
        pc.binary_join_element_wise(
            each.begin.take(pa.array(each.begin_of(fact, form))),
            numbers,
            each.end.take(pa.array(each.end_of(fact, form, raises))),
            "",
        )
        for each in sentences(names)
    )
    ends = pa.array(np.append(0, np.cumsum(is_there.sum(axis=1))), pa.int32())
    return Texts(*(pa.ListArray.from_arrays(ends, each) for each in said))


def _said(
    values: Floats, fact: npt.NDArray[np.int64], names: tuple[str, ...], money: Money, to_service: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """How each value is said: the form of its sentence, how its number is written, and the number."""
    style, number = number_of(values, fact, names, money)
    form = forms_of(style, number, fact, names)
    if not to_service:
        form = np.where(_for_everyone(names)[fact], form, Forms.UNSAID)
    return form, style, number


def _for_everyone(names: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    return np.array([audience == EVERYONE for audience in audiences_of(names)])
