"""Embedded REST server for exported models, wire-compatible with TensorFlow Serving.

It answers the `:predict`, status and metadata requests of TensorFlow Serving's
REST interface from one Python process:

```python
from keras_resattn.server import serve

serve("models")  # models/NAME/1/saved_model.pb -> POST /v1/models/NAME:predict
```
"""

try:
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "The embedded server needs Starlette and uvicorn: "
        'pip install "keras-resattn[serve]"'
    ) from error

from keras_resattn.server.app import create_app
from keras_resattn.server.registry import ServableRegistry
from keras_resattn.server.run import serve

__all__ = ["ServableRegistry", "create_app", "serve"]
