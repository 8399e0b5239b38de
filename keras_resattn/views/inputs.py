"""The values that images have as the inputs of a model."""

# Standardized pixels are a few standard deviations from 0.
HIGHEST_STANDARDIZED = 20
