"""Other people's Residual Attention Networks, for the weights trained on them.

They are not the authors' network. Each module documents the deviations.
"""

from keras_resattn.compatibility import pytorchcv

__all__ = ["pytorchcv"]
