"""The networks for small images by name. The tables are the architecture."""

from keras_resattn.named import named_network
from keras_resattn.network import Stage


def stages(modules):
    """Return the table of stages with the same number of modules in each."""
    return (
        Stage(filters=64, strides=1, modules=modules, mask_depth=3, closing_units=1),
        Stage(filters=128, strides=2, modules=modules, mask_depth=2, closing_units=1),
        Stage(filters=256, strides=2, modules=modules, mask_depth=1, closing_units=1),
    )


def _cifar(depth, parameters, modules, p=1, t=2, r=1):
    return named_network(
        path=f"keras_resattn.cifar.Attention{depth}",
        title=f"Attention-{depth} for small images, such as CIFAR's",
        text=f"With 10 classes it has {parameters:,} trainable parameters. No definition\n"
        "    of it was published: this one is a reconstruction, see\n"
        "    docs/fidelity.md.",
        section="section 4.1",
        name=f"cifar_attention{depth}",
        classes=10,
        stages=stages(modules),
        p=p,
        t=t,
        r=r,
        stem="cifar",
        default_size=32,
        minimum_size=8,
    )


Attention56 = _cifar(56, 1_030_394, modules=1)
Attention92 = _cifar(92, 1_841_274, modules=2)
Attention128 = _cifar(128, 2_652_154, modules=3)
Attention164 = _cifar(164, 3_463_034, modules=4)
Attention236 = _cifar(236, 5_084_794, modules=6)
Attention452 = _cifar(452, 10_181_242, modules=6, p=2, t=4, r=3)
