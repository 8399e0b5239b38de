"""The networks for small images by name. The tables are the architecture."""

import functools

from keras_resattn.named import named_attention_network
from keras_resattn.network import PAPER
from keras_resattn.network import ResidualAttentionNetwork
from keras_resattn.stages import Stage


def stages(modules):
    """Return the table of stages with the same number of modules in each."""
    return (
        Stage(filters=64, strides=1, modules=modules, mask_depth=3, closing_units=1),
        Stage(filters=128, strides=2, modules=modules, mask_depth=2, closing_units=1),
        Stage(filters=256, strides=2, modules=modules, mask_depth=1, closing_units=1),
    )


def _cifar(depth, modules, p=1, t=2, r=1):
    return named_attention_network(
        functools.partial(
            ResidualAttentionNetwork,
            stages(modules),
            stem="cifar",
            p=p,
            t=t,
            r=r,
            default_size=32,
        ),
        path=f"keras_resattn.cifar.Attention{depth}",
        name=f"cifar_attention{depth}",
        classes=10,
        size=32,
        minimum=8,
        title=f"Attention-{depth} for small images, such as CIFAR's",
        text="No definition of it was published: this one is a reconstruction, see\n"
        "    docs/fidelity.md.",
        reference=f"{PAPER}, section 4.1.",
    )


Attention56 = _cifar(56, modules=1)
Attention92 = _cifar(92, modules=2)
Attention128 = _cifar(128, modules=3)
Attention164 = _cifar(164, modules=4)
Attention236 = _cifar(236, modules=6)
Attention452 = _cifar(452, modules=6, p=2, t=4, r=3)
