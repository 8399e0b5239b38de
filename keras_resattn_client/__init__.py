"""The client of a served model, and predictions of many images.

It imports neither Keras nor TensorFlow. So it starts fast, and it runs on machines
that have neither of them.
"""

from keras_resattn_client.client import Client
from keras_resattn_client.client import Prediction
from keras_resattn_client.errors import ServerError
from keras_resattn_client.errors import ServerNotTrusted
from keras_resattn_client.errors import ServerTimeout
from keras_resattn_client.errors import ServerUnreachable

__all__ = [
    "Client",
    "Prediction",
    "ServerError",
    "ServerNotTrusted",
    "ServerTimeout",
    "ServerUnreachable",
]
