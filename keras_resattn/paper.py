"""The tables of the paper: what is printed there, and the networks that it is of.

Errors are in percent. Figures that could not be checked against a printed copy
are left out, not quoted from memory.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        label: What the paper calls it.
        network: A name for `keras_resattn.create_model`.
        arguments: Its arguments.
        parameters: Printed, in millions, or `None`.
        multiply_adds: Printed, in billions, or `None`.
        errors: Printed, in the order of the table's columns.
        note: Why ours differ, if they do.
    """

    label: str
    network: str
    arguments: dict = {}
    parameters: float | None = None
    multiply_adds: float | None = None
    errors: tuple = ()
    note: str = ""


class Table(NamedTuple):
    """A table of the paper.

    Attributes:
        title: What it is about.
        columns: What its errors are.
        rows: A tuple of `Row`.
    """

    title: str
    columns: tuple
    rows: tuple


def _naive(depth, residual, naive):
    network = f"cifar_attention{depth}"
    return (
        Row(f"Attention-{depth}, residual", network, errors=(residual,)),
        Row(
            f"Attention-{depth}, naive",
            network,
            {"attention": "naive"},
            errors=(naive,),
        ),
    )


CIFAR_100 = {"classes": 100}

TABLES = {
    "mask_activation": Table(
        "Mask activations, Attention-56 on CIFAR-10",
        ("top-1",),
        (
            Row("mixed attention", "cifar_attention56", errors=(5.52,)),
            Row(
                "channel attention",
                "cifar_attention56",
                {"mask_activation": "channel"},
                errors=(6.24,),
            ),
            Row(
                "spatial attention",
                "cifar_attention56",
                {"mask_activation": "spatial"},
                errors=(6.33,),
            ),
        ),
    ),
    "attention": Table(
        "Attention residual learning against naive attention learning, CIFAR-10",
        ("top-1",),
        (
            *_naive(56, 5.52, 5.89),
            *_naive(92, 4.99, 5.35),
            *_naive(128, 4.44, 5.57),
            *_naive(164, 4.31, 7.18),
        ),
    ),
    "mask_structure": Table(
        "Mask structures, Attention-56 on CIFAR-10",
        ("top-1",),
        (
            Row("encoder and decoder", "cifar_attention56", errors=(5.52,)),
            Row(
                "local convolutions",
                "cifar_attention56",
                {"mask_structure": "local"},
                note="a reconstruction: three units, the same cost to a few percent",
            ),
        ),
    ),
    "label_noise": Table(
        "Labels of which 70 % are wrong, CIFAR-10",
        ("top-1",),
        (
            Row("ResNet-164", "cifar_resnet164", errors=(17.21,)),
            Row("Attention-92", "cifar_attention92", errors=(15.75,)),
        ),
    ),
    "cifar": Table(
        "CIFAR-10 and CIFAR-100",
        ("CIFAR-10", "CIFAR-100"),
        (
            Row(
                "Attention-92", "cifar_attention92", CIFAR_100, 1.9, None, (4.99, 21.71)
            ),
            Row(
                "Attention-236",
                "cifar_attention236",
                CIFAR_100,
                5.1,
                None,
                (4.14, 21.16),
            ),
            Row(
                "Attention-452",
                "cifar_attention452",
                CIFAR_100,
                8.6,
                None,
                (3.90, 20.45),
                "six modules a stage and p, t, r = 2, 4, 3; the printed 8.6 M does not "
                "fit them",
            ),
        ),
    ),
    "imagenet": Table(
        "ImageNet, single crop",
        ("top-1", "top-5"),
        (
            Row(
                "ResNet-152",
                "resnet152",
                {},
                60.2,
                11.3,
                (22.16, 6.16),
                "Keras' convolutions have 75,712 biases",
            ),
            Row("Attention-56", "attention56", {}, 31.9, 6.3, (21.76, 5.9)),
            Row(
                "ResNeXt-101",
                "resnext101",
                {},
                44.5,
                7.8,
                (21.2, 5.6),
                "44.5 M and 7.8 G are ResNet-101's, which it was made to match",
            ),
            Row(
                "AttentionNeXt-56",
                "attention_next56",
                {},
                31.9,
                6.3,
                (21.2, 5.6),
                "printed as for Attention-56; ours by the authors' own definition",
            ),
            Row("Inception-ResNet-v1", "inception_resnet_v1", errors=(21.3, 5.5)),
            Row(
                "AttentionInception-56",
                "attention_inception56",
                {},
                31.9,
                6.3,
                (20.36, 5.29),
                "a reconstruction, its widths chosen to fit",
            ),
            Row("ResNet-200", "resnet200", {}, 64.7, 15.0, (20.1, 4.8)),
            Row(
                "Inception-ResNet-v2",
                "inception_resnet_v2",
                {},
                31.9,
                6.3,
                (19.9, 4.9),
                "printed are AttentionInception-56's figures: a misprint",
            ),
            Row(
                "Attention-92, 320 x 320",
                "attention92",
                {},
                51.3,
                10.4,
                (19.5, 4.8),
                "by the authors' own definition, counted at 224; 21.5 G at 320",
            ),
        ),
    ),
}
