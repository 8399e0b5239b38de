"""The wire contract of an exported model: its signatures and their tensors.

| signature | input | outputs |
|---|---|---|
| `serving_default` | `image_bytes`: string `[N]` | `probabilities`: float32 `[N, classes]`; `top_k_labels`: string `[N, k]` and `top_k_probabilities`: float32 `[N, k]`, the most probable first |
| `predict_images` | `images`: float32 `[N, h, w, C]`, 0 to 255, any size | the same |
| `classify` | `inputs`: string `[N]`, serialized `tf.Example`s with the feature `image_bytes` | `classes`: string `[N, classes]`, `scores`: float32 `[N, classes]` |
| `embed` | `image_bytes` | `embedding`: float32 `[N, D]`, the input of the classifier |
| `attention` | `image_bytes` | `probabilities`, and for each attention module `<module>_mask`: float32 `[N, h, w]`, the mean of its mask over the channels |
| `attention_overlay` | `image_bytes` | for each attention module `<module>_overlay_bytes`: string `[N]`, a PNG of the mask over the image, in the network's input size |

`image_bytes` are PNG, JPEG, GIF, BMP or WebP. A model without attention modules
does not have the last two signatures. The modules of networks that a model calls as
layers have the names that `keras_resattn.attention_masks` gives them.
"""  # noqa: E501

SERVING_DEFAULT = "serving_default"
PREDICT_IMAGES = "predict_images"
CLASSIFY = "classify"
EMBED = "embed"
ATTENTION = "attention"
ATTENTION_OVERLAY = "attention_overlay"

IMAGE_BYTES = "image_bytes"
IMAGES = "images"
EXAMPLES = "inputs"

PROBABILITIES = "probabilities"
TOP_K_LABELS = "top_k_labels"
TOP_K_PROBABILITIES = "top_k_probabilities"
CLASSES = "classes"
SCORES = "scores"
EMBEDDING = "embedding"
# In TensorFlow Serving's REST answers, strings whose names end in _bytes are base64.
OVERLAY = "_overlay_bytes"
MASK = "_mask"

TOP_K = 5

# TensorFlow Serving's Classify and :classify need this method name.
CLASSIFY_METHOD = "tensorflow/serving/classify"

LABELS_ASSET = "assets/labels.txt"
MANIFEST = "assets.extra/manifest.json"
# The format of `sha256sum --check`.
CHECKSUMS = "assets.extra/SHA256SUMS"
WARMUP = "assets.extra/tf_serving_warmup_requests"
