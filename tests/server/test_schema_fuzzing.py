"""Schemathesis asks a running server what its own OpenAPI document says."""

import re

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance
from schemathesis.specs.openapi.checks import response_schema_conformance
from schemathesis.specs.openapi.checks import status_code_conformance

from .conftest import MODELS
from .conftest import running_server

BATCHING = "max_batch_size { value: 8 } enable_large_batch_splitting { value: true }"


def schema_conformance(context, response, case):
    """TensorFlow Serving writes NaN and Infinity bare, and bytes of an output that is
    not named `..._bytes` as they are: no schema fits them."""
    text = response.content.decode(errors="replace")
    if not re.search(r"\b(Infinity|NaN)\b|\ufffd", text):
        response_schema_conformance(context, response, case)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    schema_conformance,
]


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    file = tmp_path_factory.mktemp("batching") / "batching.config"
    file.write_text(BATCHING)
    with running_server(MODELS, batching_parameters_file=str(file)) as server:
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        assert server.process.poll() is None


@pytest.mark.parametrize(
    "examples", [3, pytest.param(200, marks=pytest.mark.slow)], ids=["few", "many"]
)
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_whatever_is_asked_is_answered_as_documented(schema, mode, examples):
    for operation in (result.ok() for result in schema.get_all_operations()):
        # Without a body there is nothing to be wrong with.
        if mode is GenerationMode.POSITIVE or operation.method == "post":
            ask(operation.as_strategy(generation_mode=mode), examples)


def ask(strategy, examples):
    @hypothesis.given(strategy)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def one(case):
        case.call_and_validate(checks=CHECKS, timeout=60)

    one()
