"""`keras-resattn serve --engine ray`: replicas on a Ray cluster of this machine."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from tensorflow_serving.apis import inference_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_resattn.on_ray.server import serve_on_ray
from keras_resattn_client import Client
from keras_resattn_client import ServerError
from tests.cli.conftest import rest_url
from tests.cli.conftest import run
from tests.cli.conftest import urls
from tests.client.ports import free_port
from tests.on_ray.environment import ENVIRONMENT

__all__ = ["rest_url", "run", "urls"]


def test_ray_is_asked_for_where_it_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"Serving on Ray .*pip install .*\[ray\]"):
        serve_on_ray("missing")


def test_wrong_arguments_are_named_before_ray_starts(
    served, stand_in, tmp_path, monkeypatch
):
    stand_in("ray", "fastapi", "watchfiles")
    monkeypatch.setattr("keras_resattn.on_ray.server.connect", None)
    for options, message in (
        ({"min_replicas": 0}, "min_replicas=0"),
        ({"min_replicas": 3, "max_replicas": 2}, "min_replicas=3, max_replicas=2"),
        ({"rest_port": 0}, "rest_port=0"),
        ({"grpc_port": 0}, "grpc_port=0"),
    ):
        with pytest.raises(ValueError, match=f"Received: {message}"):
            serve_on_ray(served, **options)
    with pytest.raises(FileNotFoundError, match=f"Received: {tmp_path}"):
        serve_on_ray(tmp_path)


def test_the_command_passes_its_settings_on(run, served, stand_in, monkeypatch):
    stand_in("ray")
    received = []
    monkeypatch.setattr(
        "keras_resattn.on_ray.server.serve_on_ray",
        lambda *given: received.extend(given),
    )
    options = ("--min-replicas", "2", "--max-replicas", "8", "--host", "0.0.0.0")
    code, _, errors = run("serve", served, "--engine", "ray", *options)
    assert (code, errors) == (0, "")
    assert received == [served, "0.0.0.0", 8501, 8500, 2, 8, 1]


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        (("--api-key-file", __file__), "--api-key-file"),
        (
            ("--tls-certificate", __file__, "--tls-key", __file__),
            "--tls-certificate, --tls-key",
        ),
        (("--max-queued-requests", "256"), "--max-queued-requests"),
        (("--no-grpc",), "--no-grpc"),
    ],
)
def test_options_that_ray_does_not_support_are_refused_by_name(
    run, served, options, refused
):
    code, _, errors = run("serve", served, "--engine", "ray", *options)
    assert code == 2
    text = " ".join(re.sub(r"[^\x20-\x7e]", " ", errors).split())
    assert "--engine ray does not support these options" in text
    assert text.endswith(f"Received: {refused}")


def test_options_for_ray_are_refused_without_it(run, served):
    code, _, errors = run("serve", served, "--max-replicas", "8")
    assert code == 2
    text = " ".join(re.sub(r"[^\x20-\x7e]", " ", errors).split())
    assert "only work with --engine ray" in text
    assert text.endswith("Received: --max-replicas")


@pytest.fixture(scope="module")
def ray_urls(served):
    """The addresses of two replicas on a cluster of its own: REST and gRPC."""
    port, grpc_port = free_port(), free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "keras_resattn_cli", "serve", served),
            *("--port", str(port), "--grpc-port", str(grpc_port), "--engine", "ray"),
            *("--min-replicas", "2", "--max-replicas", "2", "--replica-cpus", "0.5"),
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
def test_replicas_answer_several_tasks_at_once(ray_urls, pictures):
    request = inference_pb2.MultiInferenceRequest()
    task = request.tasks.add(method_name="tensorflow/serving/classify")
    task.model_spec.name, task.model_spec.signature_name = "small", "classify"
    for picture in pictures:
        features = request.input.example_list.examples.add().features
        features.feature["image_bytes"].bytes_list.value.append(picture.read_bytes())
    with grpc.insecure_channel(ray_urls[1].removeprefix("grpc://")) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.MultiInference(request, timeout=60)
    (result,) = answer.results
    assert len(result.classification_result.classifications) == len(pictures)


@pytest.mark.slow
def test_no_answer_is_lost_if_a_replica_is_killed(ray_urls, pictures, model_folder):
    """Four clients ask while one of two replicas is killed, and Ray starts another."""
    expected = model_folder.predict(pictures)
    killed = threading.Event()

    def ask(url):
        number = 0
        with Client(url, "small") as client:
            while number < 20 or not killed.is_set():
                answer = client.predict(pictures)
                np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
                number += 1

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask, url) for url in ray_urls * 2]
        time.sleep(1)
        os.kill(replica_processes()[0], signal.SIGKILL)
        time.sleep(3)
        killed.set()
        assert [future.exception() for future in asking] == [None] * 4


def replica_processes():
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if "ray::ServeReplica:keras_resattn" in (folder / "cmdline").read_text():
                found.append(int(folder.name))
    assert len(found) == 2
    return found
