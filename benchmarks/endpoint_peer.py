"""Peers of benchmarks.endpoint, each a small server: `python -m benchmarks.endpoint_peer NAME`.

constant: Starlette that computes nothing; floor: Starlette that makes exactly our model calls on facts that
lie ready, one customer a request; fastapi: the churn model alone, on the facts in the body; append: Starlette
that reads the JSON in the body, appends it to a file and forces that to disk.
"""

import argparse
import json
import os
from pathlib import Path

import lightgbm as lgb
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releases.home import Home
from serving.served import load


def constant() -> Starlette:
    async def answer(request: Request) -> Response:
        await request.body()
        return Response(b"{}", media_type="application/json")

    return Starlette(routes=[Route("/", answer, methods=["POST"])])


def floor(home: Path, shelf: Path) -> Starlette:
    here = Home(home)
    served = load(here, here.published())
    scorer, offers, t = served.bundle.scorer, served.policy.offers, served.week.moment
    facts, about = np.load(shelf / "facts.npy"), json.loads((shelf / "about.json").read_text())
    names, rows = tuple(about["names"]), {name: row for row, name in enumerate(about["ids"])}

    async def answer(request: Request) -> Response:
        (customer,) = json.loads(await request.body())["customer_ids"]
        row = rows[customer]
        scores = scorer.score(facts[row : row + 1], names, offers, t)
        told = {name: part[0].tolist() for name, part in scores._asdict().items()}
        return Response(json.dumps(told), media_type="application/json")

    return Starlette(routes=[Route("/", answer, methods=["POST"])])


def append(home: Path) -> Starlette:
    file = os.open(home / "appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def keep(said: object) -> None:
        os.write(file, json.dumps(said).encode() + b"\n")
        os.fdatasync(file)

    async def answer(request: Request) -> Response:
        await run_in_threadpool(keep, json.loads(await request.body()))
        return Response(b"{}", media_type="application/json")

    return Starlette(routes=[Route("/", answer, methods=["POST"])])


class Facts(BaseModel):
    facts: list[list[float]]


def fastapi(shelf: Path) -> FastAPI:
    app, booster = FastAPI(), lgb.Booster(model_file=shelf / "churn.txt")

    @app.post("/")
    async def answer(asked: Facts) -> list[float]:
        return list(np.asarray(booster.predict(np.array(asked.facts))).tolist())

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=("constant", "floor", "fastapi", "append"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    asked = parser.parse_args()
    shelf = Path(os.environ["ENDPOINT_SHELF"])
    app: Starlette
    match asked.name:
        case "constant":
            app = constant()
        case "floor":
            app = floor(asked.home, shelf)
        case "append":
            app = append(asked.home)
        case _:
            app = fastapi(shelf)
    ready = Route("/readyz", lambda _: JSONResponse({}))
    app.router.routes.append(ready)
    uvicorn.run(app, port=asked.port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
