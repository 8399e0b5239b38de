"""The wire contract of an exported model: its signatures and their tensors.

| signature | input | outputs |
|---|---|---|
| `serving_default` | `image_bytes`: string `[N]` | `probabilities`: float32 `[N, classes]`; most probable first: `top_k_labels`: string `[N, k]`, `top_k_probabilities`: float32 `[N, k]` |
| `predict_images` | `images`: float32 `[N, h, w, C]`, 0 to 255, any size | the same |
| `classify` | `inputs`: string `[N]`, serialized `tf.Example`s with the feature `image_bytes` | `classes`: string `[N, classes]`, `scores`: float32 `[N, classes]` |
| `embed` | `image_bytes` | `embedding`: float32 `[N, D]`, what the classifier takes |
| `attention` | `image_bytes` | `probabilities`, and for each attention module `<module>_mask`: float32 `[N, h, w]`, its mask's mean over the channels |
| `attention_overlay` | `image_bytes` | for each attention module `<module>_overlay_bytes`: string `[N]`, a PNG of the network's input size, the mask over the image |

`image_bytes` are PNG, JPEG, GIF, BMP or WebP. A model without attention modules
does not have the last two signatures.
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
# Of TensorFlow Serving's REST answers, strings that end so are base64.
OVERLAY = "_overlay_bytes"
MASK = "_mask"

TOP_K = 5

# What TensorFlow Serving's Classify and :classify look for.
CLASSIFY_METHOD = "tensorflow/serving/classify"

LABELS_ASSET = "assets/labels.txt"
MANIFEST = "assets.extra/manifest.json"
WARMUP = "assets.extra/tf_serving_warmup_requests"
