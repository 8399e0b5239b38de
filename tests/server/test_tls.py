import pytest
import trustme

from keras_resattn_server.tls import Tls


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """Makes a certificate and its key."""

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        certificate = trustme.CA().issue_cert("localhost")
        certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        return folder / "certificate.pem", folder / "key.pem"

    return make


def test_a_certificate_and_its_key_are_taken(pem):
    Tls.choose(*pem("one")).grpc_credentials()
    assert Tls.choose(None, None) is None


def test_one_without_the_other_is_refused(pem):
    certificate, key = pem("one")
    for files in ((certificate, None), (None, key)):
        with pytest.raises(ValueError, match="Give both or neither"):
            Tls.choose(*files)


def test_files_that_do_not_belong_together_are_named(pem, tmp_path):
    certificate, key = pem("one")
    _, other = pem("other")
    (tmp_path / "empty").touch()
    for files in ((certificate, other), (key, certificate), (tmp_path / "empty", key)):
        with pytest.raises(ValueError, match="belong together") as caught:
            Tls.choose(*files)
        assert str(caught.value).endswith(f"Received: {files[0]}, {files[1]}")


def test_a_missing_file_is_named(pem, tmp_path):
    certificate, _ = pem("one")
    with pytest.raises(FileNotFoundError, match="nowhere.pem"):
        Tls.choose(certificate, tmp_path / "nowhere.pem")
