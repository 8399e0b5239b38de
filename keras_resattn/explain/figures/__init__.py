"""Figures of attention (extra `vis`). Functions return figures and never show them."""

from keras_resattn_client.extras import require_extra

require_extra("vis", "Drawing figures", ("matplotlib", "PIL"))
