"""What uses a served model, and many machines to predict.

The client is `keras_resattn_client`'s, which can be used where there is no Keras.
"""

from keras_resattn_client import Client
from keras_resattn_client import Prediction
from keras_resattn_client import ServerError
from keras_resattn_client import ServerTimeout
from keras_resattn_client import ServerUnreachable

__all__ = ["Client", "Prediction", "ServerError", "ServerTimeout", "ServerUnreachable"]
