"""A server of nothing but the limits of connections and bodies, and its clients."""

import contextlib
import http.client
import socket
import threading

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.requests import Request
from starlette.responses import JSONResponse

from keras_resattn_server.rest.connection import connection_class
from keras_resattn_server.wire.status import ServingError

LIMIT = 1000
HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"


def body_length_app(reader):
    async def app(scope, receive, send):
        try:
            async with reader.read(Request(scope, receive)) as body:
                response = JSONResponse(len(body))
        except ServingError as error:
            response = JSONResponse(error.message, error.http_status)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    return app


@contextlib.contextmanager
def serving(app, seconds=60.0, keep_alive_seconds=60):
    config = uvicorn.Config(
        app,
        http=connection_class(seconds),
        lifespan="off",
        log_level="error",
        timeout_keep_alive=keep_alive_seconds,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


def connect(address):
    return socket.create_connection(address, timeout=30)


def read_to_end(connection):
    """What comes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data
    return received


def read_answer(connection):
    # Head and body may come one after the other.
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()


def answers(address):
    """Whether the server goes on."""
    with connect(address) as connection:
        connection.sendall(HEAD + b"Content-Length: 3\r\n\r\nabc")
        return read_answer(connection)[0] == 200
