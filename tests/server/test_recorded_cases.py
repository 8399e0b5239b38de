"""What a TensorFlow Serving answered to the same requests for the same models."""

import json
import re
from pathlib import Path

import httpx
import pytest

CASES = json.loads((Path(__file__).parent / "data" / "rest_cases.json").read_text())

# Where the embedded server answers otherwise on purpose: the status it gives.
DIFFERENT = {
    "healthz": 200,  # an addition of its own
    "models root": 200,  # lists the models
    "OPTIONS no origin": 400,  # with the reason
    "inputs scalar": 400,  # rank 0 for a signature of rank 1: checked before running
    "clf wrong shape": 400,  # the same check: the message names the input
}
# Protobuf's mark, of random length, on text that is not to be parsed.
DEBUG_PREFIX = re.compile(r"goo\.gle/debugproto\s+")
METADATA = ("metadata", "metadata label")


def send(client, case):
    # The path as raw bytes: httpx would normalise it.
    target = httpx.URL(str(client.base_url)).copy_with(raw_path=case["path"].encode())
    headers = case["req_headers"] or {}
    body = None if case["body"] is None else case["body"].encode()
    return client.request(case["method"], target, content=body, headers=headers)


def comparable(answer):
    """Floats to six digits (kernels differ), errors without names of graph nodes."""
    if isinstance(answer, dict):
        return {key: comparable(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [comparable(value) for value in answer]
    if isinstance(answer, str):
        return DEBUG_PREFIX.sub("", answer.split("\n\t [[")[0])
    return f"{answer:.6g}" if isinstance(answer, float) else answer


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case["label"] not in {*DIFFERENT, *METADATA}],
    ids=lambda case: case["label"],
)
def test_answers_as_recorded(client, case):
    response = send(client, case)
    assert response.status_code == case["status"]
    assert response.headers["content-type"] == "application/json"
    if not case["response"]:
        assert not response.content
    else:
        assert comparable(response.json()) == comparable(json.loads(case["response"]))


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case["label"] in DIFFERENT],
    ids=lambda case: case["label"],
)
def test_differs_from_the_recorded_answer_on_purpose(client, case):
    assert send(client, case).status_code == DIFFERENT[case["label"]]


@pytest.mark.parametrize("label", METADATA)
def test_describes_the_signatures_as_recorded(client, label):
    case = next(case for case in CASES if case["label"] == label)
    answer = send(client, case).json()
    assert answer["model_spec"] == {"name": "clf", "version": "1", "signature_name": ""}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert sorted(signatures) == [
        "__saved_model_init_op",
        "classify_examples",
        "serving_bytes",
        "serving_default",
    ]
    # The recording breaks off inside serving_default, its last signature.
    for name in set(signatures) - {"serving_default"}:
        at = case["response"].index(f'"{name}": {{\n   "inputs"') + len(f'"{name}": ')
        assert (
            signatures[name] == json.JSONDecoder().raw_decode(case["response"], at)[0]
        )
