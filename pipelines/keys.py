"""`holdfast keys`: the service's keys as their keeper sees them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.terminal import grid
from releases import access
from releases.home import Home
from tables.moment import parse_moment


def create(
    home: Home, name: str, scopes: tuple[str, ...], expires: str | None, rate: float, burst: int
) -> dict[str, Any]:
    until = None if expires is None else parse_moment(expires, "UTC")
    key, text = access.create(home, name, scopes, until, rate, burst)
    return {"key": text, **_shown(key)}


def listed(home: Home) -> dict[str, Any]:
    return {"base": access.base_id(home), "keys": [_shown(key) for key in access.read_keys(home)]}


def revoke(home: Home, named: str) -> dict[str, Any]:
    return {"ended": [_shown(key) for key in access.revoke(home, named)]}


def rotate(home: Home, named: str, hours: float) -> dict[str, Any]:
    key, text, old = access.rotate(home, named, timedelta(hours=hours))
    return {"key": text, **_shown(key), "old": [_shown(each) for each in old]}


def _shown(key: access.Key) -> dict[str, Any]:
    """Nothing of the secret, not even its hash."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "rate": key.rate,
        "burst": key.burst,
        "created": key.created.isoformat(),
        "expires": key.expires and key.expires.isoformat(),
        "revoked": key.revoked and key.revoked.isoformat(),
        "is_good": key.is_good(datetime.now(UTC)),
    }


def render_created(said: dict[str, Any]) -> list[Any]:
    until = f", until {said['expires']}" if said["expires"] else ""
    return [
        f"{said['name']} ({said['id']}) may {', '.join(said['scopes'])}{until}. This is shown once:",
        said["key"],
    ]


def render_listed(said: dict[str, Any]) -> list[Any]:
    header = ["name", "id", "may", "rate", "created", "expires", "good"]
    rows = [
        [
            key["name"],
            key["id"],
            ", ".join(key["scopes"]),
            f"{key['rate']:g}/s, {key['burst']}",
            _minute(key["created"]),
            _minute(key["expires"]) if key["expires"] else "never",
            "yes" if key["is_good"] else "revoked" if key["revoked"] else "expired",
        ]
        for key in said["keys"]
    ]
    return [grid(f"Keys of base {said['base']}", header, rows) if rows else "There is no key yet"]


def _minute(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def render_ended(said: dict[str, Any]) -> list[Any]:
    return [f"{key['name']} ({key['id']}) is good no longer" for key in said["ended"]]


def render_rotated(said: dict[str, Any]) -> list[Any]:
    old = [f"The old one ({key['id']}) is good until {key['expires']}" for key in said["old"]]
    return [*render_created(said), *old]
