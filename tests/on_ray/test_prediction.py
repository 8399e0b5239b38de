"""Replicas on a Ray cluster of this machine, and batches of many images."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest

from keras_resattn.on_ray import prediction
from keras_resattn_client import Client
from keras_resattn_client import ServerError
from tests.client.ports import free_port

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def test_ray_is_asked_for_where_it_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install \"keras-resattn\[ray\]\""):
        next(prediction.classify_with_ray("model", ["image.png"]))


@pytest.fixture(scope="module")
def ray_urls(served):
    """The addresses of two replicas on a cluster of its own: REST and gRPC."""
    port, grpc_port = free_port(), free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "keras_resattn.on_ray.server", served),
            *("--port", str(port), "--grpc-port", str(grpc_port)),
            *("--min-replicas", "2", "--max-replicas", "2", "--cpus", "0.5"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        assert any(line.startswith("Serving REST at") for line in process.stdout)
        yield f"http://127.0.0.1:{port}", f"grpc://127.0.0.1:{grpc_port}"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        assert process.returncode == 0
    finally:
        process.kill()


@pytest.mark.slow
def test_replicas_answer_as_the_embedded_server(
    ray_urls, rest_url, pictures, model_folder
):
    expected = model_folder.predict(pictures)
    for url in ray_urls:
        with Client(url, "small", batch_size=2) as client:
            answer = client.predict(pictures)
            np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
            assert client.status()[0]["state"] == "AVAILABLE"
            with pytest.raises(ServerError) as raised:
                client.predict([b"no image"])
            assert raised.value.status in (400, "INVALID_ARGUMENT")
        with pytest.raises(ServerError, match=r"Latest\(nope\)") as raised:
            Client(url, "nope").predict(pictures)
        assert raised.value.status in (404, "NOT_FOUND")
    for path, body in (
        ("/v1/models/small", None),
        ("/v1/models/small/metadata", None),
        ("/v1/models/nope", None),
        ("/v1/models/small%20x", None),
        ("/v1/models/small:predict", b"{"),
        ("/v1/models/small:predict", b'{"instances": [[[1.0]]]}'),
        ("/v1/models/small:predict", b'{"inputs": {"image_bytes": []}}'),
    ):
        answers = []
        for url in (ray_urls[0], rest_url):
            method = "GET" if body is None else "POST"
            response = httpx.request(method, url + path, content=body, timeout=60)
            answers.append((response.status_code, response.json()))
        assert answers[0] == answers[1], path


@pytest.mark.slow
def test_ray_data_gives_the_results_of_one_process(model_folder, photos, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for path in photos.glob("*/*"):
        (images / f"{path.parent.name}{path.name}").hardlink_to(path)
    (images / "text.png").write_text("no image")
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    command = [
        *(sys.executable, "-m", "keras_resattn_cli", "predict", model_folder.path),
        *(images, "--batch-size", "4", "--out"),
    ]
    assert subprocess.run([*command, whole]).returncode == 1
    lines = whole.read_text().splitlines(keepends=True)
    out.write_text("".join(lines[:10]) + lines[10][:7])  # as after an interruption
    with_ray = [*command, out, "--engine", "ray", "--workers", "2"]
    process = subprocess.run(with_ray, env=ENVIRONMENT, capture_output=True, text=True)
    assert process.returncode == 1, process.stderr
    assert "1 of 41 images could not be classified" in process.stderr
    results, expected = (
        {row["image"]: row for row in map(json.loads, path.read_text().splitlines())}
        for path in (out, whole)
    )
    assert len(out.read_text().splitlines()) == len(lines) == 41
    assert results.keys() == expected.keys()
    for image, row in results.items():
        other = expected[image]
        assert row.get("error") == other.get("error")
        if "error" not in row:
            assert row["probabilities"] == pytest.approx(
                other["probabilities"], abs=1e-5
            )
