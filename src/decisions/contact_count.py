"""Contacts counted against caps, compiled."""

from typing import Any

from tables.compiled import compiled


@compiled
def count_under(
    owner: Any,
    kind: Any,
    at: Any,
    channel: Any,
    offer_kind: Any,
    moments: Any,
    since: int,
    held_back: int,
    spans: Any,
    channels: Any,
    kinds: Any,
    counts: Any,
) -> None:
    """Add to `counts`, shape (customers, caps), each contact that was made later than `since`.

    owner, kind, at, channel, offer_kind: shape (contacts,); moments: of each customer; spans: how long a cap
    looks back, shape (caps,); channels, kinds: whether each counts, by its place, the first where it is not
    known, shape (caps, places).
    """
    for row in range(len(owner)):
        customer = owner[row]
        if kind[row] == held_back or at[row] <= since:
            continue
        for k in range(len(spans)):
            is_recent = at[row] > moments[customer] - spans[k]
            if is_recent and channels[k, channel[row]] and kinds[k, offer_kind[row]]:
                counts[customer, k] += 1.0
