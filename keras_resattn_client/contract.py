"""The names of signatures and tensors of an exported model.

They are a copy of `keras_resattn.export.contract`, which imports Keras.
"""

SERVING_DEFAULT = "serving_default"
PREDICT_IMAGES = "predict_images"
ATTENTION = "attention"
EMBED = "embed"

IMAGE_BYTES = "image_bytes"
IMAGES = "images"

PROBABILITIES = "probabilities"
TOP_K_LABELS = "top_k_labels"
TOP_K_PROBABILITIES = "top_k_probabilities"
MASK_SUFFIX = "_mask"
EMBEDDING = "embedding"
