"""What the interceptors of unary gRPC methods share."""

import abc
from typing import cast

import grpc

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

    @abc.abstractmethod
    def wrap(
        self, handler: Handler, method: Method, details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the handler to use.

        Args:
            handler: The handler of a unary method.
            method: Its function.
            details: The name of the method, and the metadata of the call.
        """
