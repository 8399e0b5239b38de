"""The ImageNet networks by name. The tables are the architecture."""

import functools

from keras_resattn.builder.named import named_attention_network
from keras_resattn.builder.network import PAPER
from keras_resattn.builder.network import ResidualAttentionNetwork
from keras_resattn.builder.stages import Stage


def stages(modules):
    """Return the table of stages for the attention modules in stages 1 to 3."""
    return (
        Stage(filters=256, strides=1, modules=modules[0], mask_depth=3),
        Stage(filters=512, strides=2, modules=modules[1], mask_depth=2),
        Stage(filters=1024, strides=2, modules=modules[2], mask_depth=1),
        Stage(filters=2048, strides=2, modules=0, closing_units=2),
    )


AUTHORS = """Images are floats; which scale is the user's choice, as the authors
    published no weights."""

RECONSTRUCTED = """No definition of it was published: the widths of its unit are a
    reconstruction that has the printed parameters and multiply-adds."""


def _imagenet(title, name, modules, unit, section, text=AUTHORS):
    return named_attention_network(
        functools.partial(ResidualAttentionNetwork, stages(modules), unit=unit),
        path=f"keras_resattn.{title.replace('-', '')}",
        name=name,
        title=f"{title} for ImageNet",
        text=text,
        reference=f"{PAPER}, {section}.",
    )


Attention56 = _imagenet(
    "Attention-56", "attention56", (1, 1, 1), "pre_activation", "table 2"
)
Attention92 = _imagenet(
    "Attention-92", "attention92", (1, 2, 3), "pre_activation", "table 2"
)
AttentionNeXt56 = _imagenet(
    "AttentionNeXt-56", "attention_next56", (1, 1, 1), "resnext", "section 4.2"
)
AttentionNeXt92 = _imagenet(
    "AttentionNeXt-92", "attention_next92", (1, 2, 3), "resnext", "section 4.2"
)
AttentionInception56 = _imagenet(
    "AttentionInception-56",
    "attention_inception56",
    (1, 1, 1),
    "inception",
    "section 4.2",
    RECONSTRUCTED,
)
