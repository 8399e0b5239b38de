"""A server of HTTP that answers as a script says."""

import contextlib
import dataclasses
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer

PREDICTION = {
    "outputs": {
        "probabilities": [[0.25, 0.75]],
        "top_k_labels": [["dark", "bright"]],
        "top_k_probabilities": [[0.75, 0.25]],
    }
}


@dataclasses.dataclass
class Answer:
    status: int = 200
    body: object = dataclasses.field(default_factory=lambda: PREDICTION)
    headers: dict = dataclasses.field(default_factory=dict)
    hangs: bool = False
    drops: bool = False


@dataclasses.dataclass
class FakeServer:
    """Its URL, the answers still to give, and the requests that came."""

    url: str
    answers: list
    requests: list = dataclasses.field(default_factory=list)


@contextlib.contextmanager
def fake_server(*answers, context=None):
    """Give the answers one after the other, and the last one again and again."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fake.requests.append((self.path, dict(self.headers), body))
            answer = fake.answers[0]
            if len(fake.answers) > 1:
                fake.answers.pop(0)
            if answer.hangs:
                ended.wait(60)
                return
            if answer.drops:
                self.close_connection = True
                return
            content = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def handle(self):
            # A client that refuses the certificate is no fault of the server.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                super().handle()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http" if context is None else "https"
    fake = FakeServer(f"{scheme}://127.0.0.1:{server.server_port}", list(answers))
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}
    )
    thread.start()
    try:
        yield fake
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
