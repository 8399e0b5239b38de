import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import trustme

REPOSITORY = Path(__file__).parents[2]
SERVING = REPOSITORY / "serving"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """The folder with `tls.crt` and `tls.key` for 127.0.0.1, and `ca.crt`."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    return folder


class RecordingServer(ThreadingHTTPServer):
    """Stands where TensorFlow Serving would, and keeps what reaches it."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Recorder)
        self.seen = []


class _Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def recording_server():
    with RecordingServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def upstream(recording_server):
    """The recording server, with nothing recorded."""
    recording_server.seen.clear()
    return recording_server


@contextlib.contextmanager
def running_gateway(folder, certificates, rest_port, grpc_port=1, changes=()):
    """nginx with the configuration that is deployed, but for ports, folders, `changes`.

    Gives the port that it listens on.
    """
    assert NGINX, "nginx is missing: see `make help`"
    port = _free_port()
    text = (SERVING / "gateway" / "nginx.conf").read_text()
    for old, new in (
        ("/tmp/", f"{folder}/"),
        ("127.0.0.1:8501", f"127.0.0.1:{rest_port}"),
        ("127.0.0.1:8500", f"127.0.0.1:{grpc_port}"),
        ("listen 8443", f"listen 127.0.0.1:{port}"),
        ("/etc/nginx/tls/", f"{certificates}/"),
        *changes,
    ):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    shutil.copy(SERVING / "gateway" / "gateway.js", folder)
    directives = "daemon off;" + (" user root;" if os.getuid() == 0 else "")
    errors = folder / "errors.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [NGINX, "-e", "stderr", "-c", folder / "nginx.conf", "-g", directives],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        _wait_for(port, process, errors)
        yield port
    finally:
        process.terminate()
        process.wait()


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _wait_for(port, process, errors):
    while process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise AssertionError(errors.read_text())


@pytest.fixture(scope="session")
def gateway_port(recording_server, certificates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    # The tests ask faster than clients may.
    changes = [("rate=50r/s", "rate=10000r/s"), ("_timeout 10s", "_timeout 1s")]
    with running_gateway(
        folder, certificates, recording_server.server_port, changes=changes
    ) as port:
        yield port


@pytest.fixture
def gateway(gateway_port, certificates):
    """A client of the gateway that checks its certificate."""
    with https_client(gateway_port, certificates) as client:
        yield client


def https_client(port, certificates):
    context = ssl.create_default_context(cafile=certificates / "ca.crt")
    return httpx.Client(
        base_url=f"https://127.0.0.1:{port}", verify=context, timeout=30
    )
