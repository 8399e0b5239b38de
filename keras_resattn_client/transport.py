"""What a client needs of a protocol."""

from collections.abc import Mapping
from typing import Any
from typing import Protocol
from typing import TypeAlias

from keras_resattn_client.typing import Array

Inputs: TypeAlias = Mapping[str, Array | list[bytes]]
Status: TypeAlias = dict[str, Any]


class Transport(Protocol):
    """Sends requests to one model by REST or gRPC.

    Attributes:
        bytes_per_float: The size of a float32 in a message.
    """

    bytes_per_float: int

    def run(
        self, signature: str, inputs: Inputs, outputs: tuple[str, ...]
    ) -> dict[str, Array]:
        """Run one batch through a signature.

        Args:
            signature: The signature's name.
            inputs: A float32 array or a list of byte strings per input.
            outputs: The names of the expected outputs. REST answers do not name a
                single output.

        Returns:
            An array per output: float32, or an object array of strings.
        """

    def status(self) -> list[Status]:
        """Return the state of each version, as `Client.status` describes."""

    def close(self) -> None:
        """Close the connection."""
