"""The client of a served model, and predictions of many images.

It imports neither Keras nor TensorFlow, which `keras_resattn` does: so it starts
in a moment, on machines that have neither. `keras_resattn_client` is the same.
"""

from keras_resattn_client.client import Client
from keras_resattn_client.client import Prediction
from keras_resattn_client.errors import ServerError
from keras_resattn_client.errors import ServerTimeout
from keras_resattn_client.errors import ServerUnreachable

__all__ = ["Client", "Prediction", "ServerError", "ServerTimeout", "ServerUnreachable"]
