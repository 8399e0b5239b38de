"""TLS for both protocols with one certificate and its key."""

import dataclasses
import ssl
from pathlib import Path

import grpc

from keras_resattn_client.typing import StrPath


@dataclasses.dataclass(frozen=True)
class Tls:
    """A certificate and its key, in PEM files.

    Args:
        certificate: The file of the certificate with the intermediate certificates.
        key: The file of its private key, without a password.

    Raises:
        FileNotFoundError: If one of them does not exist.
        ValueError: If they do not belong together, or are not PEM files.
    """

    certificate: Path
    key: Path

    def __post_init__(self) -> None:
        for path in (self.certificate, self.key):
            if not path.is_file():
                raise FileNotFoundError(f"The file does not exist. Received: {path}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # Without an empty password the terminal would ask for one.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(
                "Certificate and key must be PEM files that belong together, the key "
                f"without a password ({error}). Received: {self.certificate}, "
                f"{self.key}"
            ) from error

    @classmethod
    def choose(cls, certificate: StrPath | None, key: StrPath | None) -> "Tls | None":
        """Return TLS with two files, or None without them.

        Args:
            certificate: The certificate's file or None.
            key: The key's file or None.

        Raises:
            ValueError: If only one of them is given.
        """
        if certificate is None and key is None:
            return None
        if certificate is None or key is None:
            raise ValueError(
                "TLS needs a certificate and its key. Give both or neither. "
                f"Received: certificate={certificate}, key={key}"
            )
        return cls(Path(certificate), Path(key))

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Return the credentials for a secure gRPC port."""
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_credentials([pair])
