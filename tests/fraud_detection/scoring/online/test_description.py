"""What the app says of itself in OpenAPI is how it answers: Schemathesis asks what the description allows, and more.

FUZZ_EXAMPLES says how many requests of each address are tried; `make faults` tries very many.
"""

import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from fraud_detection.features.settings import FeatureSettings
from fraud_detection.scoring.online.app import Parts, build_app
from fraud_detection.scoring.online.settings import ServingSettings
from fuzzing import fuzz

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
]
UNSTARTED = Parts(ServingSettings(), FeatureSettings(), store=None, models=None, tokens=(b"none",), now=None)
OPENAPI = build_app(UNSTARTED).openapi()
described = schemathesis.openapi.from_dict(OPENAPI)


@described.parametrize()
@fuzz(HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much)
def test_every_answer_is_one_that_the_description_promises(case, client):
    request = case.as_transport_kwargs(base_url="http://testserver")
    request.pop("cookies", None)
    case.validate_response(client.request(**request), checks=CHECKS)


def test_what_needs_no_token_says_so_and_the_rest_needs_one():
    told = {path: operation for path, each in OPENAPI["paths"].items() for operation in each.values()}
    opened = {path for path, operation in told.items() if operation.get("security") == []}
    assert opened == {"/healthz", "/readyz"}
    assert OPENAPI["security"] == [{"bearer": []}, {"key": []}]
    assert {"401", "429"} <= set(told["/metrics"]["responses"])
