"""Asking the application without a server."""

import asyncio
from typing import Any

import httpx

from serving.application import application
from serving.served import Window

EVENTS, OPT_OUT, OFFER = "/v1/events", "/v1/opt-out", "/v1/next-best-offer"


def ask(window: Window, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """body: none, and it is a GET."""
    transport = httpx.ASGITransport(application(window), raise_app_exceptions=False)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://holdfast") as client:
            if body is None:
                return await client.get(path)
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(asked())


def ask_all(window: Window, *bodies: Any, route: str = OFFER) -> list[httpx.Response]:
    """All of them at once."""
    transport = httpx.ASGITransport(application(window), raise_app_exceptions=False)

    async def asked() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://holdfast") as client:
            return await asyncio.gather(*(client.post(route, json=body) for body in bodies))

    return asyncio.run(asked())


def took(response: httpx.Response) -> list[str]:
    """What became of each event."""
    assert response.status_code == 200, response.text
    return [each["status"] for each in response.json()["events"]]
