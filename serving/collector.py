"""The garbage collector of a service: what is loaded stays, and nobody waits while it is looked through."""

import gc

# Answers and records are given back by counting references; only what holds itself needs the collector.
YOUNG = 50_000


def settle() -> None:
    """To be called when something was loaded: it is looked through now, by the thread that loaded it, and no
    more until the next time. A full collection took 120 ms every few seconds, in the middle of requests."""
    gc.set_threshold(YOUNG, 10, 10)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
