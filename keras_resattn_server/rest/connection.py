"""HTTP connections: time limits, strict headers, errors in JSON."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from keras_resattn_server.errors import error_body
from keras_resattn_server.running.limits import MAX_HEAD_BYTES

# The bytes that are still read of a body whose request is already answered. Clients
# such as http.client read an answer only after they have sent the whole body.
_MAX_DISCARDED_BYTES = 256 * 1024 * 1024
_MAX_REASON = 100  # characters: h11 may quote the request


def connection_class(seconds: float) -> type[H11Protocol]:
    """Return the class of connections for `uvicorn.Config(http=...)`.

    uvicorn itself limits only the time between two requests, and each byte resets it.

    Args:
        seconds: The time for a whole request to arrive, from its first byte, or
            from the connection for the first request. Then the answer is 408. Also
            the time for the client to read an answer. Then the connection ends.

    Returns:
        A subclass of uvicorn's protocol.
    """
    return type("Connection", (_Connection,), {"receive_seconds": seconds})


class _Transport:
    """A transport that is closed by a function."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]):
        self._transport = transport
        self.close = close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Connection(H11Protocol):
    receive_seconds: float
    _lingers = False
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _discarded = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # By default h11 refuses a head that arrives in parts at a quarter of this size.
        self.conn = h11.Connection(h11.SERVER, MAX_HEAD_BYTES + len("\r\n\r\n"))

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: uvicorn's advice to install a library would be wrong here."""

    def connection_made(  # type: ignore[override]  # as in uvicorn
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        # Otherwise asyncio would report only more than 64 KiB of unread bytes.
        transport.set_write_buffer_limits(high=1)  # with TLS, 0 would always pause
        self._closable = transport
        self.transport = _Transport(  # type: ignore[assignment]  # for uvicorn
            transport, self._close_when_received
        )
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_timer()
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
        if self._lingers or self._is_answered_early():
            self._discarded += len(data)
            if self._discarded > _MAX_DISCARDED_BYTES:
                self._closable.close()
                return
        if self._lingers:
            self._unset_keepalive_if_required()
        else:
            super().data_received(data)

    def handle_events(self) -> None:
        if self._is_answered_early() and not self._drop_rest():
            return
        if self.conn.their_state is h11.IDLE and self._refuses_head():
            return
        super().handle_events()
        if not self._is_answered_early():
            self._discarded = 0
        if not self._is_receiving():
            self._stop_timer()
        elif self._timer is None:
            self._start_timer()

    def send_400_response(self, msg: str) -> None:
        """Refuse what h11 does not accept, with its reason."""
        error = sys.exception()  # uvicorn passes only a general message
        reason = str(error)[:_MAX_REASON] if error else ""
        self._refuse(400, b"Bad Request", f"{msg} Reason: {reason}." if reason else msg)

    def _drop_rest(self) -> bool:
        """Drop the rest of a request that is answered; return whether it has ended.

        uvicorn would go on to the next request without the checks of its head, and
        wait for it without a time limit.
        """
        try:
            while isinstance(event := self.conn.next_event(), h11.Data):
                pass
        except h11.RemoteProtocolError:
            self._closable.close()
            return False
        if not isinstance(event, h11.EndOfMessage):
            return False
        if self.conn.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self.conn.start_next_cycle()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        return True

    def _refuses_head(self) -> bool:
        head = self.conn.trailing_data[0].partition(b"\r\n\r\n")[0]
        if len(head) > MAX_HEAD_BYTES:
            self._refuse(
                431,
                b"Request Header Fields Too Large",
                "The request line and the headers are longer than "
                f"{MAX_HEAD_BYTES} bytes, the limit of the server. Send a shorter URL, "
                "and fewer or shorter headers.",
            )
        elif b"\n" in head.replace(b"\r\n", b""):
            # A proxy may read such a line end in another way.
            self.send_400_response("A line of the request's head ends in a bare LF.")
        return self._lingers

    def _refuse(self, status: int, reason: bytes, message: str) -> None:
        self._answer(status, reason, message)
        self._end_cycle()
        self.transport.close()

    def _close_when_received(self) -> None:
        """Close, but not while the client is sending: it would lose its answer."""
        if self._lingers or not self._is_receiving() or self._closable.is_closing():
            self._closable.close()
            return
        self._lingers = True
        self.flow.resume_reading()
        if self._closable.can_write_eof():
            self._closable.write_eof()
        if self._timer is None:
            self._start_timer()

    def _is_receiving(self) -> bool:
        state = self.conn.their_state
        if state is h11.IDLE:
            return self.conn.trailing_data[0] != b""
        return state in (h11.SEND_BODY, h11.ERROR)

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
        self._end_cycle()
        self._closable.close()

    def _end_cycle(self) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

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
