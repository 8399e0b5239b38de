"""The ImageNet networks by name. The tables are the architecture."""

from collections.abc import Callable
from typing import ParamSpec

import keras

from keras_resattn.builder.documentation import Documentation
from keras_resattn.builder.named import named
from keras_resattn.builder.network import PAPER
from keras_resattn.builder.network import ResidualAttentionNetwork
from keras_resattn.builder.signatures import attention_network
from keras_resattn.builder.stages import Stage


def stages(modules: tuple[int, int, int]) -> tuple[Stage, ...]:
    """Return the table of stages for the attention modules in stages 1 to 3."""
    return (
        Stage(filters=256, strides=1, modules=modules[0], mask_depth=3),
        Stage(filters=512, strides=2, modules=modules[1], mask_depth=2),
        Stage(filters=1024, strides=2, modules=modules[2], mask_depth=1),
        Stage(filters=2048, strides=2, modules=0, closing_units=2),
    )


P = ParamSpec("P")

AUTHORS = """Images are floats of any scale. The authors published no weights and
    no preprocessing."""

RECONSTRUCTED = """The authors published no definition of it. The widths of its unit
    are a reconstruction with the printed parameters and multiply-adds."""


def _imagenet(
    signature: Callable[P, keras.Model],
    title: str,
    name: str,
    modules: tuple[int, int, int],
    section: str,
    text: str = AUTHORS,
    **defaults: object,
) -> Callable[P, keras.Model]:
    documentation = Documentation(
        path=f"keras_resattn.{title.replace('-', '')}",
        title=f"{title} for ImageNet",
        text=text,
        reference=f"{PAPER}, {section}.",
    )
    defaults = {"stages": stages(modules), **defaults}
    return named(signature, ResidualAttentionNetwork, name, documentation, **defaults)


Attention56 = _imagenet(
    attention_network, "Attention-56", "attention56", (1, 1, 1), "table 2"
)
Attention92 = _imagenet(
    attention_network, "Attention-92", "attention92", (1, 2, 3), "table 2"
)
AttentionNeXt56 = _imagenet(
    attention_network,
    "AttentionNeXt-56",
    "attention_next56",
    (1, 1, 1),
    "section 4.2",
    unit="resnext",
)
AttentionNeXt92 = _imagenet(
    attention_network,
    "AttentionNeXt-92",
    "attention_next92",
    (1, 2, 3),
    "section 4.2",
    unit="resnext",
)
AttentionInception56 = _imagenet(
    attention_network,
    "AttentionInception-56",
    "attention_inception56",
    (1, 1, 1),
    "section 4.2",
    RECONSTRUCTED,
    unit="inception",
)
