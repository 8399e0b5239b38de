"""Embedded server for exported models, wire-compatible with TensorFlow Serving.

It speaks TensorFlow Serving's REST and gRPC interfaces from one Python process:

```python
from keras_resattn_server import serve

serve("models")  # models/NAME/1/saved_model.pb -> POST /v1/models/NAME:predict
```

What a request goes through: the API key's check and the access log, the `Gate`
that admits, times and counts it; then `app` or `grpc_services` find the servable in the
`ServableRegistry`, read the arrays (`rest_inference`, `grpc_messages`), and have
`Inference` run them, alone or in a batch. Beside that, a `ModelLoader` keeps the
registry in step with the disk.
"""

try:
    import grpc  # noqa: F401
    import grpc_health  # noqa: F401
    import prometheus_client  # noqa: F401
    import starlette  # noqa: F401
    import tensorflow_serving  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "The embedded server needs Starlette, uvicorn, gRPC, TensorFlow Serving's "
        f"messages and a Prometheus client ({error}): "
        'pip install "keras-resattn[serve]"'
    ) from error

from keras_resattn_server.models.registry import ServableRegistry
from keras_resattn_server.options import ServerOptions
from keras_resattn_server.requests.gate import Gate
from keras_resattn_server.rest.app import create_app
from keras_resattn_server.run import serve
from keras_resattn_server.running.inference import Inference

__all__ = [
    "Gate",
    "Inference",
    "ServableRegistry",
    "ServerOptions",
    "create_app",
    "serve",
]
