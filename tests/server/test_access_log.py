import asyncio
import io
import json
import sys
import time

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_resattn_server.access_log import AccessLog
from keras_resattn_server.access_log import AccessLogInterceptor
from keras_resattn_server.access_log import AccessLogMiddleware
from keras_resattn_server.api_keys import ApiKeyInterceptor
from keras_resattn_server.api_keys import ApiKeys

from .grpc_requests import predict_request

PREDICT = "/tensorflow.serving.PredictionService/Predict"


def logged(stream):
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    for line in lines:
        assert line.pop("milliseconds") >= 0
        assert line.pop("time").endswith("+00:00")
    return lines


def test_a_rest_request_is_logged_without_its_body_key_and_query():
    async def app(scope, receive, send):
        await Request(scope, receive).body()
        scope["state"] |= {"model": "clf", "version": 2}
        await PlainTextResponse("answer", 418)(scope, receive, send)

    async def ask(stream):
        transport = httpx.ASGITransport(AccessLogMiddleware(app, AccessLog(stream)))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://x"
        ) as client:
            await client.post(
                '/v1/models/c"lf%0A?token=query-secret',
                content=b"body-secret",
                headers={"x-api-key": "key-secret"},
            )

    stream = io.StringIO()
    asyncio.run(ask(stream))
    assert "secret" not in stream.getvalue()
    assert logged(stream) == [
        {
            "protocol": "REST",
            "method": "POST",
            "path": '/v1/models/c"lf\n',
            "status": 418,
            "request_bytes": 11,
            "response_bytes": 6,
            "model": "clf",
            "version": 2,
        }
    ]


def test_a_request_without_an_answer_is_logged():
    async def app(scope, receive, send):
        raise RuntimeError

    stream = io.StringIO()
    scope = {"type": "http", "method": "GET", "path": "/"}
    with pytest.raises(RuntimeError):
        asyncio.run(AccessLogMiddleware(app, AccessLog(stream))(scope, None, None))
    assert logged(stream)[0]["status"] == 499


def test_a_log_that_cannot_be_written_fails_no_request():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError("No space left on device")

    AccessLog(Full()).write(time.perf_counter(), status=200)
    closed = io.StringIO()
    closed.close()
    AccessLog(closed).write(time.perf_counter(), status=200)


def test_a_log_file_is_appended_to_and_a_dash_is_standard_output(tmp_path, capsys):
    for status in (200, 404):
        AccessLog.open(tmp_path / "log").write(time.perf_counter(), status=status)
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == [200, 404]
    AccessLog.open("-").write(time.perf_counter(), status=200)
    assert json.loads(capsys.readouterr().out)["status"] == 200
    assert not sys.stdout.closed


def test_a_log_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(OSError, match="access log") as caught:
        AccessLog.open(tmp_path / "no" / "log")
    assert str(caught.value).endswith(f"Received: {tmp_path / 'no' / 'log'}")


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    async def Predict(self, request, context):
        if request.model_spec.name == "nope":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
        if request.model_spec.name == "broken":
            raise RuntimeError
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        response.model_spec.version.value = 3
        return response


class Health(health_pb2_grpc.HealthServicer):
    async def Check(self, request, context):
        return health_pb2.HealthCheckResponse(status="SERVING")


async def ask_grpc(stream, ask):
    server = grpc.aio.server(
        interceptors=[
            AccessLogInterceptor(AccessLog(stream)),
            ApiKeyInterceptor(ApiKeys(["right-key"])),
        ]
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Prediction(), server
    )
    health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await ask(channel)
    await server.stop(None)


@pytest.mark.parametrize(
    "name, status, version",
    [("clf", "OK", 3), ("nope", "NOT_FOUND", None), ("broken", "UNKNOWN", None)],
)
def test_a_grpc_call_is_logged(name, status, version):
    async def ask(channel):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        metadata = [("x-api-key", "right-key")]
        try:
            await stub.Predict(predict_request(name), metadata=metadata)
            code = grpc.StatusCode.OK
        except grpc.aio.AioRpcError as error:
            code = error.code()
        assert code.name == status

    stream = io.StringIO()
    asyncio.run(ask_grpc(stream, ask))
    assert "right-key" not in stream.getvalue()
    (line,) = logged(stream)
    assert (line.pop("response_bytes") > 0) == (status == "OK")
    assert line == {
        "protocol": "gRPC",
        "method": "Predict",
        "path": PREDICT,
        "status": status,
        "request_bytes": predict_request(name).ByteSize(),
        "model": name,
        "version": version,
    }


@pytest.mark.parametrize("metadata", [[], [("authorization", "Bearer wrong-key")]])
def test_a_grpc_call_without_a_key_is_refused_and_logged(metadata):
    async def ask(channel):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Predict(predict_request("clf"), metadata=metadata)
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert "x-api-key" in caught.value.details()

    stream = io.StringIO()
    asyncio.run(ask_grpc(stream, ask))
    assert "wrong-key" not in stream.getvalue()
    (line,) = logged(stream)
    assert (line["status"], line["model"]) == ("UNAUTHENTICATED", None)


def test_the_health_service_needs_no_key():
    async def ask(channel):
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    asyncio.run(ask_grpc(io.StringIO(), ask))
