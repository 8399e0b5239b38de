"""Errors of addresses and ports that a server cannot listen on."""

import errno
import os


def address_error(host: str, port: int, option: str, error: Exception) -> OSError:
    """Return an error with the address, the reason and the remedy.

    Args:
        host: The address.
        port: The port.
        option: The command-line option that sets the port.
        error: The error of the attempt to listen.
    """
    number = getattr(error, "errno", None) or 0
    # Errors of names have negative numbers, which `os.strerror` does not know.
    if number < 0 or number == errno.EADDRNOTAVAIL:
        text = getattr(error, "strerror", None) or str(error)
        reason = text.partition(" (while")[0]  # what `socket.create_server` adds
        return OSError(
            f"Cannot listen at this address ({reason}). Give an address of this "
            "machine with --host, such as 127.0.0.1, or 0.0.0.0 for all of them. "
            f"Received: {host}:{port}"
        )
    reason = os.strerror(number) if number else error
    return OSError(
        f"Cannot listen on this port ({reason}). Choose another port with {option}. "
        f"Received: {host}:{port}"
    )
