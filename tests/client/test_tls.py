"""Encrypted connections, with certificates made for the test."""

import contextlib
import ssl

import grpc
import pytest
import trustme

from keras_resattn_client import Client
from keras_resattn_client import ServerNotTrusted
from keras_resattn_client import ServerUnreachable
from tests.client.fake_grpc_server import fake_grpc_server
from tests.client.fake_server import Answer
from tests.client.fake_server import fake_server


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """A certificate for 127.0.0.1 with its authority's, and its key."""
    folder = tmp_path_factory.mktemp("pem")
    authority, chain = trustme.CA(), folder / "certificate.pem"
    issued, key = authority.issue_cert("127.0.0.1"), folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(chain)
    authority.cert_pem.write_to_path(chain, append=True)
    issued.private_key_pem.write_to_path(key)
    return chain, key


def grpc_credentials(pem, wants_certificate):
    certificate, key = (path.read_bytes() for path in pem)
    return grpc.ssl_server_credentials(
        [(key, certificate)],
        root_certificates=certificate,
        require_client_auth=wants_certificate,
    )


def http_context(pem, wants_certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pem[0])
    context.load_cert_chain(*pem)
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture(params=["https", "grpcs"])
def url_of(request, pem):
    """A function that starts a server and gives its URL."""
    with contextlib.ExitStack() as servers:

        def start(wants_certificate=False):
            if request.param == "https":
                context = http_context(pem, wants_certificate)
                fake = servers.enter_context(fake_server(Answer(), context=context))
                return fake.url
            credentials = grpc_credentials(pem, wants_certificate)
            port, _ = servers.enter_context(
                fake_grpc_server("OK", credentials=credentials)
            )
            return f"grpcs://127.0.0.1:{port}"

        yield start


def test_a_certificate_of_a_trusted_authority_is_accepted(url_of, pem):
    with Client(url_of(), "small", ca_certificates=pem[0]) as client:
        assert len(client.predict(b"image")) == 1


def test_another_certificate_is_refused(url_of):
    with Client(url_of(), "small", retries=0, timeout=5) as client:
        with pytest.raises(ServerNotTrusted, match="TLS.*--ca-certificates") as raised:
            client.predict(b"image")
    assert isinstance(raised.value, ServerUnreachable)
    assert "no server" not in str(raised.value)


def test_the_clients_own_certificate_is_shown(url_of, pem):
    certificate, key = pem
    url = url_of(wants_certificate=True)
    own = {"certificate": certificate, "key": key}
    with Client(url, "small", ca_certificates=certificate, **own) as client:
        assert len(client.predict(b"image")) == 1
    with Client(url, "small", ca_certificates=certificate, retries=0) as client:
        with pytest.raises(ServerUnreachable):
            client.predict(b"image")


@pytest.mark.parametrize("url", ["https://h:1", "grpcs://h:1"])
def test_files_that_are_not_pem_are_named(url, pem, tmp_path):
    certificate, key = pem
    text = tmp_path / "hello.pem"
    text.write_text("hello")
    with pytest.raises(ValueError, match="no certificate.*Received: .*hello.pem"):
        Client(url, "small", ca_certificates=text)
    with pytest.raises(ValueError, match="not a certificate and its key"):
        Client(url, "small", certificate=text, key=key)
    with pytest.raises(ValueError, match="not a certificate and its key"):
        Client(url, "small", certificate=certificate, key=certificate)
