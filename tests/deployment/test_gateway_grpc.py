from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from .conftest import running_gateway

pytestmark = pytest.mark.needs_system_tools

PREDICT = "/tensorflow.serving.PredictionService/Predict"
STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
RELOAD = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"


class RecordingHandler(grpc.GenericRpcHandler):
    """Answers every method with the request's bytes, and keeps the methods' names."""

    def __init__(self):
        self.seen = []

    def service(self, call_details):
        def echo(request, _):
            self.seen.append(call_details.method)
            return request

        return grpc.unary_unary_rpc_method_handler(echo)


@pytest.fixture(scope="module")
def handler():
    return RecordingHandler()


@pytest.fixture(scope="module")
def channel(handler, certificates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway_grpc")
    server = grpc.server(ThreadPoolExecutor(2), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    credentials = grpc.ssl_channel_credentials((certificates / "ca.crt").read_bytes())
    with (
        running_gateway(folder, certificates, 1, port) as gateway,
        grpc.secure_channel(f"127.0.0.1:{gateway}", credentials) as channel,
    ):
        yield channel
    server.stop(None).wait()


@pytest.mark.parametrize("method", [PREDICT, STATUS])
def test_inference_and_status_pass(channel, handler, method):
    handler.seen.clear()
    assert channel.unary_unary(method)(b"a message", timeout=30) == b"a message"
    assert handler.seen == [method]


def test_the_models_cannot_be_changed_from_outside(channel, handler):
    handler.seen.clear()
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(RELOAD)(b"", timeout=30)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert handler.seen == []


def test_a_large_message_is_refused_before_the_server(channel, handler):
    handler.seen.clear()
    with pytest.raises(grpc.RpcError):
        channel.unary_unary(PREDICT)(b" " * (8 * 1024 * 1024 + 1), timeout=30)
    assert handler.seen == []


def test_a_compressed_message_is_refused_before_the_server(channel, handler):
    handler.seen.clear()
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(PREDICT)(
            b" " * 100_000, timeout=30, compression=grpc.Compression.Gzip
        )
    assert "415" in caught.value.details()
    assert handler.seen == []
