"""The values that images have as the inputs of a model."""

# Standardized pixels are a few standard deviations from 0.
HIGHEST_STANDARDIZED = 20
# Resizing computes sums of products, which can end a little beyond 0 and 255.
ROUNDING = 0.01
