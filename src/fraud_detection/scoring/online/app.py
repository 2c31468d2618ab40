"""The app: addresses, what they answer, and what runs beside them."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fraud_detection.card_numbers import CardKeys
from fraud_detection.errors import StoreError
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.scoring.online import invocations, metrics
from fraud_detection.scoring.online.batching import Batcher
from fraud_detection.scoring.online.champion import LiveLineUp
from fraud_detection.scoring.online.description import FIGURES, HEALTH, INVOCATIONS, READY, SCORE, describe, draw_page
from fraud_detection.scoring.online.guard import (
    Guard,
    answer_failure,
    answer_http_error,
    answer_problem,
    read_body,
)
from fraud_detection.scoring.online.problems import Problem, store_down
from fraud_detection.scoring.online.readiness import Readiness
from fraud_detection.scoring.online.requests import NO_KEYS, is_many, read_transactions
from fraud_detection.scoring.online.scoring import Pipeline
from fraud_detection.scoring.online.settings import ServingSettings
from fraud_detection.scoring.online.shadow import Shadow
from fraud_detection.scoring.online.store import Store
from fraud_detection.scoring.variants import LineUp

JSON: Final = {"application/json": "json"}
GATHER_SECONDS: Final = 0.0005
"""Less than what a second batch of half the size would cost; a store that makes batches wait has no need of it."""
SCORE_PATH: Final = "/api/v1/score"


@dataclass(frozen=True)
class Parts:
    """What the app works with.

    Attributes:
        now: the clock that limits of time go by.
        prefix: of all addresses but that of scores, which has its own; /api where the platform asks for it.
        lanes: batches under way at once; more than one where the store makes them wait.
        card_keys: by which card numbers become tokens; none where the source delivers tokens.
    """

    settings: ServingSettings
    features: FeatureSettings
    store: Store
    models: LiveLineUp
    tokens: Sequence[bytes]
    now: Callable[[], datetime]
    prefix: str = ""
    lanes: int = 1
    card_keys: CardKeys = NO_KEYS


def build_app(parts: Parts) -> FastAPI:
    """Put the app together."""
    shadow = Shadow()
    pipeline = Pipeline(parts.store, parts.models, parts.features, parts.settings.reasons, shadow)
    batcher = Batcher(pipeline.score, parts.settings.batch, GATHER_SECONDS if parts.lanes == 1 else 0.0)
    prefix = parts.prefix
    app = FastAPI(
        title="Card-fraud scores",
        lifespan=_make_lifespan(parts, batcher, shadow),
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{prefix}/openapi.json",
    )
    describe(app, parts.settings)
    score = Scores(parts, batcher)
    app.router.routes.insert(0, Route(SCORE_PATH, score, methods=["POST"]))
    app.include_router(_score_routes(score))
    app.include_router(_model_routes(parts), prefix=prefix)
    app.include_router(_operation_routes(parts, app), prefix=prefix)
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(Exception, answer_failure)
    own = ("/invocations", "/metrics", "/healthz", "/readyz", "/docs", "/openapi.json")
    opened = {f"{prefix}{path}" for path in ("/healthz", "/readyz", "/docs", "/openapi.json")}
    paths = {SCORE_PATH, *(f"{prefix}{path}" for path in own)}
    app.add_middleware(Guard, tokens=parts.tokens, settings=parts.settings, paths=paths, open_paths=opened)
    return app


def _make_lifespan(parts: Parts, batcher: Batcher, shadow: Shadow) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        """Load the models before the first request, answer what has come before the end."""
        await parts.models.renew()
        gc.collect()
        gc.freeze()  # what was loaded stays: looking through it again and again would make some answers late
        beside = [asyncio.create_task(batcher.run()) for _ in range(parts.lanes)]
        beside += map(asyncio.create_task, (parts.models.keep_new(parts.settings.reload_seconds), shadow.run()))
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await parts.store.close()

    return lifespan


def _tell_models(line_up: LineUp) -> dict[str, str | int]:
    told: dict[str, str | int] = {"model_name": line_up.champion.name, "model_version": line_up.champion.version}
    if line_up.challenger:
        told |= {"challenger_version": line_up.challenger.version, "challenger_variant": line_up.challenger.variant}
    return told


class Scores:
    """POST /api/v1/score as plain ASGI: what FastAPI does around a handler takes longer than all that this one does."""

    def __init__(self, parts: Parts, batcher: Batcher) -> None:
        """Say what answers."""
        self._parts, self._batcher = parts, batcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is wrong with it is raised as a problem."""
        answer = await self.answer(Request(scope, receive))
        await answer(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Score one transaction, or several; the answer has the form of the body."""
        body = await read_body(request, self._parts.settings, JSON)
        transactions = read_transactions(body, self._parts.settings, self._parts.now(), self._parts.card_keys)
        answers = await self._batcher.submit(transactions)
        content = b"[" + b", ".join(answers) + b"]" if is_many(body) else answers[0]
        return Response(content, media_type="application/json")


def _score_routes(scores: Scores) -> APIRouter:
    """For the description; requests take the road before it."""
    router = APIRouter()

    @router.post(SCORE_PATH, **SCORE)
    async def score(request: Request) -> Response:
        """Score one transaction (an object), or several (an array); the answer has the same form."""
        return await scores.answer(request)

    return router


def _model_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.post("/invocations", **INVOCATIONS)
    async def predict(request: Request) -> Response:
        """Answer features with predictions, as MLflow's scoring server does; nothing is looked up or kept."""
        body = await read_body(request, parts.settings, invocations.TYPES)
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        answer = await asyncio.to_thread(invocations.predict, body, kind, parts.models.champion.current())
        return Response(answer, media_type="application/json")

    return router


def _operation_routes(parts: Parts, app: FastAPI) -> APIRouter:
    router, readiness = APIRouter(), Readiness(parts.store)

    @router.get("/healthz", **HEALTH)
    async def tell_health() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @router.get("/readyz", **READY)
    async def tell_readiness() -> Response:
        """Whether transactions can be scored: a champion is loaded, the store answers and is filled."""
        line_up = parts.models.current()
        try:
            await readiness.check()
        except StoreError as error:
            raise store_down(error) from error
        return JSONResponse({"status": "ready", **_tell_models(line_up)})

    @router.get("/metrics", **FIGURES)
    async def tell_metrics() -> Response:
        """Figures for Prometheus."""
        return Response(metrics.collect(), media_type=metrics.MEDIA_TYPE)

    @router.get("/docs", include_in_schema=False)
    async def show_description() -> HTMLResponse:
        """The description for people, from the machine's one; it needs nothing from elsewhere."""
        return HTMLResponse(draw_page(app.openapi()))

    return router
