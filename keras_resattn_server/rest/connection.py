"""HTTP connections: time limits, strict headers, errors in JSON."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from keras_resattn_server.errors import error_body

# The bytes that are still read of a body whose request is already answered. Clients
# such as http.client read an answer only after they have sent the whole body.
_MAX_DISCARDED_BYTES = 256 * 1024 * 1024


def connection_class(seconds: float) -> type[H11Protocol]:
    """Return the class of connections for `uvicorn.Config(http=...)`.

    uvicorn itself limits only the time between two requests, and each byte resets it.

    Args:
        seconds: The time for a whole request to arrive, from its first byte, or
            from the connection for the first request. Then the answer is 408. Also
            the time for the client to read the answer. Then the connection ends.

    Returns:
        A subclass of uvicorn's protocol.
    """
    return type("Connection", (_Connection,), {"receive_seconds": seconds})


class _Connection(H11Protocol):
    receive_seconds: float
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _discarded = 0

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: uvicorn's advice to install a library would be wrong here."""

    def connection_made(  # type: ignore[override]  # as in uvicorn
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        # Otherwise asyncio would report only more than 64 KiB of unread bytes.
        transport.set_write_buffer_limits(high=1)  # with TLS, 0 would always pause
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)
        self._stop_unread_timer()

    def pause_writing(self) -> None:
        """Limit the time for the client to read, as its buffers are full."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(
                self.receive_seconds, self.transport.abort
            )

    def resume_writing(self) -> None:
        """End the time limit, because the client has read everything."""
        super().resume_writing()
        self._stop_unread_timer()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's type
        """Keep a half-closed connection until its request is answered."""
        received = self.conn.their_state in (h11.DONE, h11.MUST_CLOSE)
        waiting = self.cycle is not None and not self.cycle.response_complete
        if not (received and waiting) or self.scheme == "https":
            return False
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        if self._is_answered_early():
            self._discarded += len(data)
            if self._discarded > _MAX_DISCARDED_BYTES:
                self.transport.close()
                return
        super().data_received(data)

    def handle_events(self) -> None:
        if self.conn.their_state is h11.IDLE and self._has_bare_line_feed():
            self.send_400_response("A line of the request's head ends in a bare LF.")
            return
        super().handle_events()
        if not self._is_answered_early():
            self._discarded = 0
        if not self._is_receiving():
            self._stop_timer()
        elif self._timer is None:
            self._start_timer()

    def send_400_response(self, msg: str) -> None:
        self._answer(400, b"Bad Request", msg)
        self.transport.close()

    def _has_bare_line_feed(self) -> bool:
        """Return whether a head has line ends that proxies may read in another way."""
        head = self.conn.trailing_data[0].partition(b"\r\n\r\n")[0]
        return b"\n" in head.replace(b"\r\n", b"")

    def _is_receiving(self) -> bool:
        state = self.conn.their_state
        if state is h11.IDLE:
            return self.conn.trailing_data[0] != b""
        return state is h11.SEND_BODY

    def _is_answered_early(self) -> bool:
        answered = self.cycle is not None and self.cycle.response_complete
        return answered and self.conn.their_state is h11.SEND_BODY

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.receive_seconds, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_unread_timer(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _expire(self) -> None:
        if self.transport.is_closing():
            return
        seconds = f"{self.receive_seconds:g} seconds"
        message = f"The request did not arrive within {seconds}."
        self._answer(408, b"Request Timeout", message)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _answer(self, status: int, reason: bytes, message: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return  # an answer has begun
        body = error_body(message)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=status, headers=headers, reason=reason),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
