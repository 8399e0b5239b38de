"""HTTP connections with a time limit on receiving a request."""

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# The bytes that are still read of a body whose request is already answered, so that
# the client gets to read the answer.
_LINGER_BYTES = 2**20


def receive_timeout_protocol(seconds: float) -> type[H11Protocol]:
    """Return the class of connections for `uvicorn.Config(http=...)`.

    uvicorn itself limits only the time between two requests, and each byte resets it.

    Args:
        seconds: The time for a whole request to arrive, from its first byte, or
            from the connection for the first request. Then the answer is 408.

    Returns:
        A subclass of uvicorn's protocol.
    """
    return type("ReceiveTimeoutProtocol", (_Protocol,), {"receive_seconds": seconds})


class _Protocol(H11Protocol):
    receive_seconds: float
    _timer: asyncio.TimerHandle | None = None
    _discarded = 0

    def connection_made(  # type: ignore[override]  # as in uvicorn
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_answered_early():
            self._discarded += len(data)
            if self._discarded > _LINGER_BYTES:
                self.transport.close()
                return
        super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        if not self._is_answered_early():
            self._discarded = 0
        if not self._is_receiving():
            self._stop_timer()
        elif self._timer is None:
            self._start_timer()

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

    def _expire(self) -> None:
        if self.transport.is_closing():
            return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._answer_timeout()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _answer_timeout(self) -> None:
        message = f"The request did not arrive within {self.receive_seconds:g} seconds."
        body = json.dumps({"error": message}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=408, headers=headers, reason=b"Request Timeout"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event))
