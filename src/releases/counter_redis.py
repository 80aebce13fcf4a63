"""Counters in Redis, for several machines: one script swaps, and Redis runs one script at a time.

The keys of a store share a hash tag, so that they stand together in a cluster too. What Redis itself forgets
(no append-only file, a replica that lagged behind) is not known to have been taken: docs/counters.md.
"""

import contextlib
import secrets
from collections.abc import Iterator, Sequence

import redis

from releases.counter import MOST, Seen, Swap
from releases.redis_client import reached
from tables.refusal import Refused

# The rules of releases.counter.after. KEYS: the week, then a key a swap. ARGV: whether forced, how many
# limits there are, then of each swap: before, after, and what it uses of each limit.
SWAP = f"""
local limits = tonumber(ARGV[2])
local left = redis.call('LRANGE', KEYS[1], 0, -1)
if #left ~= limits then
  return redis.error_reply('the counters know nothing of this week, or other limits: ' .. #left)
end
for l = 1, limits do left[l] = tonumber(left[l]) end
local done, some, at = {{}}, false, 3
for k = 2, #KEYS do
  local fits = (redis.call('GET', KEYS[k]) or '') == ARGV[at]
  if ARGV[1] == '0' then
    for l = 1, limits do
      if tonumber(ARGV[at + 1 + l]) > math.max(left[l], 0) then fits = false end
    end
  end
  if fits then
    for l = 1, limits do left[l] = math.min(left[l] - tonumber(ARGV[at + 1 + l]), {MOST}) end
    redis.call('SET', KEYS[k], ARGV[at + 1])
    some = true
  end
  done[k - 1] = fits and 1 or 0
  at = at + 2 + limits
end
if some then
  for l = 1, limits do redis.call('LSET', KEYS[1], l - 1, string.format('%.0f', left[l])) end
end
return done
"""
BEGIN = "if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('RPUSH', KEYS[1], unpack(ARGV)) end return 1"
# One script at a time: so many customers do not keep the others waiting.
AT_ONCE = 200


class RedisCounters:
    """url: as redis-py reads it (redis://, rediss://, unix://); space: what all keys of a home begin with."""

    def __init__(self, url: str, space: str) -> None:
        self._redis = reached(url, "HOLDFAST_COUNTERS", decode_responses=True)
        self._space = f"{{{space}}}"
        self._swap = self._redis.register_script(SWAP)
        self._begin = self._redis.register_script(BEGIN)

    def identity(self, *, make: bool) -> str:
        name = f"{self._space}:identity"
        with _failing():
            if make:
                self._redis.set(name, secrets.token_hex(16), nx=True)
            found = self._redis.get(name)
        if found is None:
            raise Refused("Redis does not hold this home's counters, or lost them")
        return str(found)

    def begin(self, week: str, left: Sequence[int]) -> None:
        with _failing():
            self._begin(keys=[self._week(week)], args=[str(each) for each in left])

    def look(self, week: str, customers: Sequence[str]) -> Seen:
        with _failing():
            pipe = self._redis.pipeline(transaction=True)
            pipe.lrange(self._week(week), 0, -1)
            if customers:
                pipe.mget([self._customer(each) for each in customers])
            said, *contacts = pipe.execute()
            left = tuple(int(each) for each in said)
        if not left:
            raise Refused(f"Redis knows nothing of week {week}")
        return Seen(left, tuple(each or "" for each in (contacts[0] if contacts else ())))

    def swap(self, week: str, swaps: Sequence[Swap], *, forced: bool = False) -> list[bool]:
        done: list[bool] = []
        for begin in range(0, len(swaps), AT_ONCE):
            some = swaps[begin : begin + AT_ONCE]
            keys = [self._week(week), *(self._customer(each.customer) for each in some)]
            args: list[str] = ["1" if forced else "0", str(len(some[0].uses))]
            for each in some:
                args += [each.before, each.after, *map(str, each.uses)]
            with _failing():
                done += [each == 1 for each in self._swap(keys=keys, args=args)]
        return done

    def close(self) -> None:
        self._redis.close()

    def _week(self, name: str) -> str:
        return f"{self._space}:week:{name}"

    def _customer(self, name: str) -> str:
        return f"{self._space}:customer:{name}"


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, ValueError) as error:
        raise Refused(f"Redis: the counters cannot be used ({type(error).__name__}: {error})") from error
