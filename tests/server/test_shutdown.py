"""How a server ends and starts again: nothing that was accepted is lost."""

import contextlib
import http.client
import json
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from .conftest import MODELS
from .conftest import SECONDS_OF_STEPS
from .conftest import running_server


def predict_request(signature, x):
    request = PredictRequest()
    request.model_spec.name = "misc"
    request.model_spec.signature_name = signature
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32(x)))
    return request


def keep_asking_rest(url, all_asked):
    """What became of the requests of one client, until the server is gone."""
    outcomes = Counter()
    with httpx.Client(base_url=url, timeout=300) as client:
        while True:
            try:
                answer = client.post(
                    "/v1/models/misc:predict", json={"instances": [1.0]}
                )
            except httpx.HTTPError as error:
                outcomes[type(error).__name__] += 1
                return outcomes
            outcomes[answer.status_code] += 1
            all_asked(outcomes)


def keep_asking_grpc(address, all_asked):
    outcomes = Counter()
    with grpc.insecure_channel(address) as channel:
        service = PredictionServiceStub(channel)
        while True:
            try:
                service.Predict(predict_request("", [1]), timeout=300)
            except grpc.RpcError as error:
                outcomes[error.code().name] += 1
                return outcomes
            outcomes["OK"] += 1
            all_asked(outcomes)


@contextlib.contextmanager
def slow_requests(server):
    """Two that take a second or more: the one of REST as its connection, sent; the
    one of gRPC as a future."""
    host = server.url.removeprefix("http://")
    rest = http.client.HTTPConnection(host, timeout=300)
    slow = {"signature_name": "slow", "instances": [SECONDS_OF_STEPS]}
    with grpc.insecure_channel(server.grpc_address) as channel:
        grpc.channel_ready_future(channel).result(timeout=60)
        request = predict_request("slow", [SECONDS_OF_STEPS])
        by_grpc = PredictionServiceStub(channel).Predict.future(request, timeout=300)
        time.sleep(0.5)
        rest.request("POST", "/v1/models/misc:predict", json.dumps(slow))
        yield rest, by_grpc
        rest.close()


def test_under_load_every_request_accepted_before_sigterm_is_answered():
    with running_server(MODELS / "misc") as server, ThreadPoolExecutor(9) as threads:
        all_asked = threading.Barrier(9, timeout=300)

        def once(outcomes):
            """Everybody has an answer before the signal comes."""
            if outcomes.total() == 1:
                all_asked.wait()

        rest = [threads.submit(keep_asking_rest, server.url, once) for _ in range(4)]
        by_grpc = [
            threads.submit(keep_asking_grpc, server.grpc_address, once)
            for _ in range(4)
        ]
        all_asked.wait()
        with slow_requests(server) as (slow_rest, slow_grpc):
            server.process.send_signal(signal.SIGTERM)
            assert slow_rest.getresponse().status == 200
            assert slow_grpc.result().outputs["y"].float_val
        for outcomes in (future.result() for future in rest):
            assert outcomes.keys() == {200, "ConnectError"}  # refused: not accepted
        for outcomes in (future.result() for future in by_grpc):
            assert outcomes.keys() == {"OK", "UNAVAILABLE"}
        assert server.process.wait(timeout=300) == 0


def test_health_tells_its_watchers_first_and_they_do_not_hold_up_the_end():
    with (
        running_server(MODELS / "misc", drain_seconds=3600) as server,
        grpc.insecure_channel(server.grpc_address) as channel,
    ):
        states = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=300
        )
        assert next(states).status == health_pb2.HealthCheckResponse.SERVING
        with slow_requests(server) as (slow_rest, slow_grpc):
            server.process.send_signal(signal.SIGTERM)
            assert next(states).status == health_pb2.HealthCheckResponse.NOT_SERVING
            with pytest.raises(grpc.RpcError, match="The server is shutting down."):
                next(states)
            assert slow_rest.getresponse().status == 200
            assert slow_grpc.result().outputs["y"].float_val
        assert server.process.wait(timeout=300) == 0


def test_killed_it_starts_again_on_the_same_ports():
    with running_server(MODELS / "misc") as server:
        asking = threading.Thread(
            target=keep_asking_rest, args=[server.url, lambda _: None]
        )
        asking.start()
        port = int(server.url.rpartition(":")[2])
        grpc_port = int(server.grpc_address.rpartition(":")[2])
        time.sleep(0.2)
        server.process.kill()
        asking.join()
    with running_server(MODELS / "misc", port=port, grpc_port=grpc_port) as server:
        assert server.url.endswith(f":{port}")
        assert server.grpc_address.endswith(f":{grpc_port}")
        answer = httpx.get(f"{server.url}/v1/models/misc")
        assert answer.status_code == 200
        with grpc.insecure_channel(server.grpc_address) as channel:
            service = PredictionServiceStub(channel)
            assert service.Predict(predict_request("", [1]), timeout=60)


def test_it_announces_every_model_and_both_ports():
    with running_server(MODELS) as server:
        *models, by_grpc = server.lines
        assert models == [
            f"Serving {name} version {version} at {server.url}/v1/models/{name}"
            for name, version in (("clf", 1), ("misc", 7), ("plain", 1))
        ]
        assert by_grpc == f"Serving gRPC at {server.grpc_address}"
