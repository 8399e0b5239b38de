"""TLS for both protocols from one certificate and its key."""

import dataclasses
import ssl
from pathlib import Path

import grpc


@dataclasses.dataclass(frozen=True)
class Tls:
    """A certificate and its key, in PEM files.

    Args:
        certificate: The file of the certificate, with the intermediate ones.
        key: The file of its private key, without a password.

    Raises:
        FileNotFoundError: One of them is missing.
        ValueError: They do not belong together, or are no PEM files.
    """

    certificate: Path
    key: Path

    def __post_init__(self):
        for path in (self.certificate, self.key):
            if not path.is_file():
                raise FileNotFoundError(f"There is no such file. Received: {path}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # An empty password: else the terminal would be asked for one.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(
                "Certificate and key have to be PEM files that belong together, the"
                f" key without a password ({error}). Received: {self.certificate},"
                f" {self.key}"
            ) from error

    @classmethod
    def choose(cls, certificate: Path | None, key: Path | None) -> "Tls | None":
        """Returns TLS by two files, or None without them.

        Args:
            certificate: The certificate's file or None.
            key: The key's file or None.

        Raises:
            ValueError: There is one without the other.
        """
        if certificate is None and key is None:
            return None
        if certificate is None or key is None:
            raise ValueError(
                "TLS needs a certificate and its key: give both or none."
                f" Received: certificate={certificate}, key={key}"
            )
        return cls(Path(certificate), Path(key))

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Returns what a gRPC server needs for a secure port."""
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_credentials([pair])
