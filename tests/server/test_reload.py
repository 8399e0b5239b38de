"""New versions and new configs under a running server, over both protocols."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from .conftest import MODELS
from .conftest import SECONDS_OF_STEPS
from .conftest import running_server
from .conftest import wait_until
from .small_models import publish


def states(server, model="times"):
    answer = httpx.get(f"{server.url}/v1/models/{model}").json()
    found = answer["model_version_status"]
    return [(status["version"], status["state"]) for status in found]


def ask(server, path="times"):
    url = f"{server.url}/v1/models/{path}:predict"
    answer = httpx.post(url, json={"instances": [1.0]}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def ask_by_grpc(server):
    request = PredictRequest()
    request.model_spec.name = "times"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([1])))
    with grpc.insecure_channel(server.grpc_address) as channel:
        answer = PredictionServiceStub(channel).Predict(request, timeout=60)
    return answer.model_spec.version.value, list(answer.outputs["y"].float_val)


@pytest.fixture
def base(tmp_path, times):
    publish(times[1], tmp_path / "times" / "1")
    return tmp_path


def test_versions_come_break_and_go_while_every_request_is_answered(base, times):
    with running_server(base) as server, ThreadPoolExecutor(1) as thread:
        ended = []

        def keep_asking():
            answers = []
            while not ended:
                answers += ask(server)
            return answers

        answers = thread.submit(keep_asking)
        try:
            publish(times[2], base / "times" / "2")
            wait_until(lambda: ("1", "END") in states(server))
            assert ask_by_grpc(server) == (2, [2.0])
            broken = base / "times" / "3"
            shutil.copytree(times[3], broken, ignore=lambda *_: ["variables"])
            wait_until(lambda: ("3", "END") in states(server))
            assert ask(server) == [2.0]
            found = httpx.get(f"{server.url}/v1/models/times/versions/3").json()
            (status,) = found["model_version_status"]
            assert status["status"]["error_code"] != "OK"
            assert status_by_grpc(server, 3).error_message
            shutil.copytree(times[3], broken, dirs_exist_ok=True)
            wait_until(lambda: ("3", "AVAILABLE") in states(server))
            shutil.rmtree(broken)
            wait_until(lambda: ("3", "END") in states(server))
            assert ask(server) == [2.0]
        finally:
            ended.append(True)
        assert set(answers.result()) == {1.0, 2.0, 3.0}


@pytest.mark.parametrize("content", [b"x", b"no model"])
def test_a_damaged_model_that_comes_later_stops_nothing(base, content):
    with running_server(base) as server:
        (base / "new" / "1").mkdir(parents=True)
        (base / "new" / "1" / "saved_model.pb").write_bytes(content)
        url = f"{server.url}/v1/models/new"
        wait_until(lambda: httpx.get(url).status_code == 200)
        wait_until(lambda: ("1", "END") in states(server, "new"))
        (found,) = httpx.get(url).json()["model_version_status"]
        message = found["status"]["error_message"]
        assert "copy the whole folder again. Received: saved_model.pb" in message
        assert httpx.get(f"{server.url}/readyz").text == "ok"
        assert ask(server) == [1.0]


def status_by_grpc(server, version):
    request = GetModelStatusRequest()
    request.model_spec.name = "times"
    request.model_spec.version.value = version
    with grpc.insecure_channel(server.grpc_address) as channel:
        answer = ModelServiceStub(channel).GetModelStatus(request)
    (found,) = answer.model_version_status
    return found.status


def test_a_request_under_way_is_answered_by_the_version_that_ends(tmp_path):
    shutil.copytree(MODELS / "misc", tmp_path / "misc")
    with running_server(tmp_path) as server, ThreadPoolExecutor(1) as thread:
        slow = {"signature_name": "slow", "instances": [SECONDS_OF_STEPS]}
        url = f"{server.url}/v1/models/misc:predict"
        answer = thread.submit(httpx.post, url, json=slow, timeout=120)
        publish(MODELS / "misc" / "7", tmp_path / "misc" / "8")
        wait_until(lambda: ("7", "END") in states(server, "misc"))
        assert answer.result().status_code == 200


def config_text(base, policy, labels):
    marks = "".join(
        f' version_labels {{ key: "{label}" value: {version} }}'
        for label, version in labels.items()
    )
    return (
        f'model_config_list {{ config {{ name: "times" base_path: "{base}/times"'
        f' model_platform: "tensorflow"{marks}'
        f" model_version_policy {{ {policy} }} }} }}"
    )


def test_an_edited_config_moves_labels_and_changes_the_versions(base, times, tmp_path):
    publish(times[2], base / "times" / "2")
    path = tmp_path / "models.config"
    path.write_text(config_text(base, "all {}", {"stable": 1}))
    with running_server(
        None,
        model_config_file=str(path),
        model_config_file_poll_wait_seconds=0.1,
        labels=None,
    ) as server:
        assert server.lines[0].startswith("Serving times version 2, 1 at http://")
        assert ask(server) == [2.0]
        assert ask(server, "times/versions/1") == [1.0]
        assert ask(server, "times/labels/stable") == [1.0]
        path.write_text("model_config_list { broken")
        path.write_text(config_text(base, "specific { versions: 2 }", {"stable": 2}))
        wait_until(lambda: ("1", "END") in states(server))
        assert ask(server, "times/labels/stable") == [2.0]
        reload_config(server, base)
        assert states(server) == [("2", "END"), ("1", "AVAILABLE")]
        assert ask(server, "times/labels/old") == [1.0]


def reload_config(server, base):
    request = ReloadConfigRequest()
    model = request.config.model_config_list.config.add()
    model.name, model.base_path = "times", str(base / "times")
    model.model_platform = "tensorflow"
    model.model_version_policy.specific.versions.append(1)
    model.version_labels["old"] = 1
    with grpc.insecure_channel(server.grpc_address) as channel:
        service = ModelServiceStub(channel)
        assert service.HandleReloadConfigRequest(request).status.error_code == 0
        model = request.config.model_config_list.config.add()
        model.name, model.base_path = "absent", str(base / "absent")
        model.model_platform = "tensorflow"
        with pytest.raises(grpc.RpcError, match="did not become available: absent"):
            service.HandleReloadConfigRequest(request)
        model.model_platform = "other"
        with pytest.raises(grpc.RpcError, match="needs model_platform"):
            service.HandleReloadConfigRequest(request)
