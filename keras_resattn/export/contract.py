"""The wire contract of an exported model: its signatures and their tensors.

| signature | input | outputs |
|---|---|---|
| `serving_default` | `image_bytes`: string `[N]`, PNG, JPEG, GIF, BMP or WebP | below |
| `predict_images` | `images`: float32 `[N, h, w, C]`, 0 to 255, any size | below |

Both give `probabilities`, float32 `[N, classes]`; `top_k_labels`, string
`[N, k]`; and `top_k_probabilities`, float32 `[N, k]`, most probable first.
"""

SERVING_DEFAULT = "serving_default"
PREDICT_IMAGES = "predict_images"

IMAGE_BYTES = "image_bytes"
IMAGES = "images"

PROBABILITIES = "probabilities"
TOP_K_LABELS = "top_k_labels"
TOP_K_PROBABILITIES = "top_k_probabilities"

TOP_K = 5
