"""What the interceptors of unary gRPC methods share."""

from typing import Never
from typing import cast

import grpc

from keras_resattn_server.grpc_types import Context
from keras_resattn_server.grpc_types import Continuation
from keras_resattn_server.grpc_types import Handler
from keras_resattn_server.grpc_types import Method


class UnaryInterceptor(grpc.aio.ServerInterceptor):
    """Wrap the unary methods of a gRPC server. Other methods stay as they are."""

    async def intercept_service(
        self,
        continuation: Continuation,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = cast(Method, handler.unary_unary)  # asynchronous, as all of ours
        return self.wrap(handler, method, handler_call_details)

    def wrap(
        self, handler: Handler, method: Method, details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the handler to use.

        Args:
            handler: The handler of a unary method.
            method: Its function.
            details: The name of the method, and the metadata of the call.
        """
        raise NotImplementedError


def refusal(code: grpc.StatusCode, message: str) -> Handler:
    """Return a handler that refuses calls without reading their messages.

    Args:
        code: The status.
        message: The text that the client reads.
    """

    async def refuse(request: object, context: Context) -> None:
        await context.abort(code, message)

    return grpc.unary_unary_rpc_method_handler(refuse, request_deserializer=unread)


def unread(message: bytes) -> Never:
    """Mark the handler of a method whose messages are not read."""
    raise NotImplementedError
