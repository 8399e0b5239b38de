"""Embedded server for exported models, wire-compatible with TensorFlow Serving.

It offers TensorFlow Serving's REST and gRPC interfaces from one Python process:

```python
from keras_resattn_server import serve

serve("models")  # models/NAME/1/saved_model.pb -> POST /v1/models/NAME:predict
```

The packages, from the lowest layer to the highest:

* `wire`: the formats of requests and answers, configuration files, statuses.
* `models`: one loaded version of a model, and the registry of all of them.
* `running`: threads and batches that run a signature, limits, metrics.
* `requests`: what both protocols have in common, from the `Gate` that admits, times
  and counts requests to the classification of examples.
* `loading`: finds versions on disk, loads and unloads them.
* `rest` and `rpc`: the two interfaces. They read a request, find its model in the
  registry, run it by `Inference`, and write the answer.

Beside them are the server's process (`run`, `process`, `options`) and its security and
logs (`api_keys`, `tls`, `access_log`).
"""

from keras_resattn_client.extras import require_extra

require_extra("serve", "The embedded server")

from keras_resattn_server.models.registry import ServableRegistry  # noqa: E402
from keras_resattn_server.options import ServerOptions  # noqa: E402
from keras_resattn_server.requests.gate import Gate  # noqa: E402
from keras_resattn_server.rest.app import create_app  # noqa: E402
from keras_resattn_server.run import check_options  # noqa: E402
from keras_resattn_server.run import serve  # noqa: E402
from keras_resattn_server.running.inference import Inference  # noqa: E402

__all__ = [
    "Gate",
    "Inference",
    "ServableRegistry",
    "ServerOptions",
    "check_options",
    "create_app",
    "serve",
]
