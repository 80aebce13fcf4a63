"""How this project reaches Redis: it waits for seconds, and asks nothing twice by itself."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tables.refusal import Refused

SECONDS_TO_WAIT = 2.0


def reached(url: str, variable: str, **options: Any) -> redis.Redis:
    """A client of the url (redis://, rediss://, unix://) that the environment's `variable` names; it connects
    when it is used. A command is never sent again: one that was done would be found to have been overtaken,
    by itself. Raises Refused for what is no url."""
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=SECONDS_TO_WAIT,
            socket_connect_timeout=SECONDS_TO_WAIT,
            retry=Retry(NoBackoff(), 0),
            **options,
        )
    except ValueError as error:
        raise Refused(f"{variable}: expected redis://HOST:PORT/DB ({error})") from error
