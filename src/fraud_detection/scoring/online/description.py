"""What OpenAPI and the page /docs tell of the app."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from fraud_detection.scoring.online.answers import Score
from fraud_detection.scoring.online.problems import CODES, MEDIA_TYPE, PREFIX
from fraud_detection.scoring.online.requests import Transaction
from fraud_detection.scoring.online.settings import ServingSettings

ONE: Final[dict[str, Any]] = {
    "transaction_id": "T00001234",
    "event_time": "2018-09-30T12:34:56Z",
    "customer_id": "C000042",
    "terminal_id": "M000007",
    "amount": 57.25,
}
ANSWER: Final[dict[str, Any]] = {
    "transaction_id": "T00001234",
    "probability": 0.0312,
    "threshold": 0.21,
    "is_alert": False,
    "reasons": [{"feature": "amount_over_usual", "value": 2.9, "log_odds": 0.8132}],
    "flags": [],
    "model_name": "main.fraud.fraud_model",
    "model_version": 7,
    "variant": "champion",
    "scored_at": "2018-09-30T12:34:56.789012+00:00",
}
UNKNOWN: Final = {**ANSWER, "probability": 0.0041, "reasons": [], "flags": ["unknown_customer", "unknown_terminal"]}
OF_CHALLENGER: Final = {**ANSWER, "model_version": 8, "variant": "challenger"}
INVALID: Final[dict[str, Any]] = {
    "type": f"{PREFIX}invalid",
    "title": CODES["invalid"][1],
    "status": 422,
    "detail": "/amount: Input should be greater than or equal to 0",
    "errors": [
        {
            "pointer": "/amount",
            "code": "greater_than_equal",
            "detail": "Input should be greater than or equal to 0",
        }
    ],
}
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "enum": [PREFIX + code for code in CODES]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
"""Problem details (RFC 9457)."""


def _tell_problems(*only: str) -> dict[int | str, dict[str, Any]]:
    """The problems that an address answers with, by status; without names all of them."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code, (status, title) in CODES.items():
        if only and code not in only:
            continue
        told = by_status.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"schema": PROBLEM}}})
        told["description"] += f"{', ' if told['description'] else ''}{title} ({code})"
    if 422 in by_status:  # noqa: PLR2004  the status of what breaks the contract
        examples = {"negative amount": {"value": INVALID}}
        by_status[422]["content"] = {MEDIA_TYPE: {"schema": PROBLEM, "examples": examples}}
    return by_status


def _body(examples: dict[str, Any], *schemas: dict[str, Any]) -> dict[str, Any]:
    named = {name: {"value": value} for name, value in examples.items()}
    return {"application/json": {"schema": {"oneOf": list(schemas)}, "examples": named}}


def _schemas(kind: str, title: str) -> tuple[dict[str, Any], dict[str, Any]]:
    one = {"$ref": f"#/components/schemas/{kind}"}
    return one, {"type": "array", "items": one, "title": title}


SCORE: Final[dict[str, Any]] = {
    "tags": ["scores"],
    "responses": {
        200: {
            "description": "the scores, in the order of the transactions",
            "content": _body(
                {"one": ANSWER, "unknown": UNKNOWN, "of a challenger": OF_CHALLENGER, "several": [ANSWER]},
                *_schemas("Score", "scores"),
            ),
        },
        **_tell_problems(),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": _body({"one": ONE, "several": [ONE]}, *_schemas("Transaction", "transactions")),
        }
    },
}
"""What is told of POST /api/v1/score."""

FEATURES: Final[dict[str, Any]] = {"columns": ["amount", "…"], "data": [[57.25, 0]]}
INVOCATIONS: Final[dict[str, Any]] = {
    "tags": ["MLflow"],
    "responses": {
        200: {
            "description": "the predictions, one a row",
            "content": _body(
                {"one": {"predictions": [{"probability": 0.0312, "is_alert": False}]}}, {"type": "object"}
            ),
        },
        **_tell_problems(
            *("not_json", "bad_request", "unauthorised", "slow_body", "too_large", "bad_media_type", "too_many"),
            *("failed", "no_champion", "model_failed"),
        ),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": _body(
                {
                    "features": {"dataframe_split": FEATURES},
                    "with reasons": {"dataframe_split": FEATURES, "params": {"reasons": 3}},
                },
                {"type": "object"},
            ),
        }
    },
}
"""What is told of POST /invocations."""
OPEN: Final[dict[str, Any]] = {"security": []}
"""What is told where no token is needed."""
HEALTH: Final[dict[str, Any]] = {"tags": ["operation"], "openapi_extra": OPEN}
"""What is told of GET /healthz."""
FIGURES: Final[dict[str, Any]] = {
    "tags": ["operation"],
    "response_class": PlainTextResponse,
    "responses": _tell_problems("unauthorised", "too_many"),
}
"""What is told of GET /metrics."""
READY: Final[dict[str, Any]] = {
    "tags": ["operation"],
    "openapi_extra": OPEN,
    "responses": {
        200: {
            "description": "transactions can be scored; where a challenger takes part, its version and variant",
            "content": _body(
                {
                    "champion": {"status": "ready", "model_name": "main.fraud.fraud_model", "model_version": 7},
                    "with a challenger": {
                        "status": "ready",
                        "model_name": "main.fraud.fraud_model",
                        "model_version": 7,
                        "challenger_version": 8,
                        "challenger_variant": "challenger",
                    },
                },
                {"type": "object"},
            ),
        },
        **_tell_problems("store_down", "no_champion", "model_failed"),
    },
}
"""What is told of GET /readyz."""


def describe(app: FastAPI, settings: ServingSettings) -> None:
    """Add the schemas of bodies, the token and the limits to what FastAPI finds by itself."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            told = make()
            schemas = told.setdefault("components", {}).setdefault("schemas", {})
            schemas |= {"Transaction": Transaction.model_json_schema(), **_flat(Score.model_json_schema())}
            told["components"]["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            }
            told["security"] = [{"bearer": []}, {"key": []}]
            told["info"]["description"] = _tell_limits(settings)
        return app.openapi_schema or told

    app.openapi = openapi  # type: ignore[method-assign]


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema and those that it is made of, side by side."""
    inner = schema.pop("$defs", {})
    schema["properties"]["reasons"]["items"] = {"$ref": "#/components/schemas/Reason"}
    return {"Score": schema, **inner}


def _tell_limits(settings: ServingSettings) -> str:
    return (
        f"Every address but healthz, readyz, docs and openapi.json needs the token. A body has at most "
        f"{settings.max_body_bytes} bytes and {settings.max_transactions} transactions; their times lie at most "
        f"{settings.max_age_days:g} days back and {settings.future_hours:g} hours ahead, their amounts up to "
        f"{settings.max_amount:.2f}."
    )


def draw_page(openapi: dict[str, Any]) -> str:
    """The description as a page of its own."""
    loader = PackageLoader("fraud_detection.scoring.online", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("docs.html.j2").render(api=openapi)
