"""The tables of the paper, with our counts and errors.

Errors are in percent. Some are known only from other publications: docs/results.md
marks them as "quoted". This module imports no other of the package, so that
`keras-resattn tables` can read it without Keras.
"""

from typing import Any
from typing import NamedTuple


class Counts(NamedTuple):
    """What a network costs, counted from its graph.

    Attributes:
        parameters: The number of trainable parameters.
        multiply_adds: The multiply-adds of convolutions and dense layers per image.
    """

    parameters: int
    multiply_adds: int


# Of each network with its default arguments.
COUNTED = {
    "attention56": Counts(31_810_728, 6_270_836_736),
    "attention92": Counts(52_466_344, 10_533_789_696),
    "attention_next56": Counts(31_318_824, 6_419_106_816),
    "attention_next92": Counts(52_102_952, 10_704_337_920),
    "attention_inception56": Counts(31_853_256, 6_251_663_232),
    "resnet152": Counts(60_268_520, 11_282_415_616),
    "resnet200": Counts(64_666_280, 15_007_481_856),
    "resnext101": Counts(44_177_704, 7_969_996_800),
    "inception_resnet_v1": Counts(23_995_624, 6_308_235_360),
    "inception_resnet_v2": Counts(55_813_192, 13_155_794_016),
    "cifar_attention56": Counts(1_030_394, 122_825_216),
    "cifar_attention92": Counts(1_841_274, 211_913_216),
    "cifar_attention128": Counts(2_652_154, 301_001_216),
    "cifar_attention164": Counts(3_463_034, 390_089_216),
    "cifar_attention236": Counts(5_084_794, 568_265_216),
    "cifar_attention452": Counts(10_181_242, 984_386_048),
    "cifar_resnet164": Counts(1_703_290, 247_646_720),
}


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        label: The paper's name of the row.
        network: A name for `keras_resattn.create_model`.
        arguments: The arguments of the network.
        parameters: Printed, in millions, or `None`.
        multiply_adds: Printed, in billions, or `None`.
        errors: Printed errors, in the order of the table's columns.
        note: The reason for a difference between printed and ours.
        recipe: The recipe of `our_errors`. If there are none, the recipe of the
            paper's training, or `""` if the package has none.
        our_errors: Measured errors, in the order of the table's columns. Each is
            in docs/results.md.
        counted: Our counts, `None` for those of the network's default arguments.
    """

    label: str
    network: str
    arguments: dict[str, Any] = {}
    parameters: float | None = None
    multiply_adds: float | None = None
    errors: tuple[float, ...] = ()
    note: str = ""
    recipe: str = ""
    our_errors: tuple[float, ...] = ()
    counted: Counts | None = None

    @property
    def counts(self) -> Counts:
        """Our counts of the row's network."""
        return self.counted or COUNTED[self.network]


class Table(NamedTuple):
    """A table of the paper.

    Attributes:
        title: The subject.
        columns: The names of the errors.
        rows: The rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


# The epochs of our trainings, by the end of the recipe's name.
EPOCHS = {"100_epochs": 100, "short": 15}


def _naive(depth: int, residual: float, naive: float) -> tuple[Row, Row]:
    network, recipe = f"cifar_attention{depth}", f"cifar10_attention{depth}"
    return (
        Row(
            f"Attention-{depth}, residual",
            network,
            errors=(residual,),
            recipe=recipe,
        ),
        Row(
            f"Attention-{depth}, naive",
            network,
            {"attention": "naive"},
            errors=(naive,),
            recipe=f"{recipe}_naive",
        ),
    )


def _trained(row: Row, training: str, our_error: float) -> Row:
    """Return the row with the error of another training than the paper's."""
    epochs, recipe = EPOCHS[training], f"{row.recipe}_{training}"
    note = f"after {epochs} epochs, in bfloat16; the printed errors are after 205"
    return row._replace(note=note, recipe=recipe, our_errors=(our_error,))


CIFAR_100 = {"classes": 100}
LOCAL_56 = Counts(868_666, 127_322_624)

ATTENTION_56 = Row(
    "mixed attention",
    "cifar_attention56",
    errors=(5.52,),
    recipe="cifar10_attention56",
)
NAIVE_56 = _naive(56, 5.52, 5.89)

TABLES: dict[str, Table] = {
    "mask_activation": Table(
        "Mask activations, Attention-56 on CIFAR-10",
        ("top-1",),
        (
            ATTENTION_56,
            Row(
                "channel attention",
                "cifar_attention56",
                {"mask_activation": "channel"},
                errors=(6.24,),
                recipe="cifar10_attention56_channel",
            ),
            Row(
                "spatial attention",
                "cifar_attention56",
                {"mask_activation": "spatial"},
                errors=(6.33,),
                recipe="cifar10_attention56_spatial",
            ),
        ),
    ),
    "attention": Table(
        "Attention residual learning against naive attention learning, CIFAR-10",
        ("top-1",),
        (
            _trained(NAIVE_56[0], "100_epochs", 5.94),
            _trained(NAIVE_56[1], "short", 9.73),
            *_naive(92, 4.99, 5.35),
            *_naive(128, 4.44, 5.57),
            *_naive(164, 4.31, 7.18),
        ),
    ),
    "mask_structure": Table(
        "Mask structures, Attention-56 on CIFAR-10",
        ("top-1",),
        (
            ATTENTION_56._replace(label="encoder and decoder"),
            Row(
                "local convolutions",
                "cifar_attention56",
                {"mask_structure": "local"},
                note="a reconstruction: three units, the same cost to a few percent",
                recipe="cifar10_attention56_local",
                counted=LOCAL_56,
            ),
        ),
    ),
    "label_noise": Table(
        "Labels of which 70 % are wrong, CIFAR-10",
        ("top-1",),
        (
            Row(
                "ResNet-164",
                "cifar_resnet164",
                errors=(17.21,),
                recipe="cifar10_resnet164_noise70",
            ),
            Row(
                "Attention-92",
                "cifar_attention92",
                errors=(15.75,),
                recipe="cifar10_attention92_noise70",
            ),
        ),
    ),
    "cifar": Table(
        "CIFAR-10 and CIFAR-100 (recipes for CIFAR-10: cifar10_attention...)",
        ("CIFAR-10", "CIFAR-100"),
        (
            Row(
                "Attention-92",
                "cifar_attention92",
                CIFAR_100,
                1.9,
                None,
                (4.99, 21.71),
                recipe="cifar100_attention92",
                counted=Counts(1_864_404, 211_936_256),
            ),
            Row(
                "Attention-236",
                "cifar_attention236",
                CIFAR_100,
                5.1,
                None,
                (4.14, 21.16),
                recipe="cifar100_attention236",
                counted=Counts(5_107_924, 568_288_256),
            ),
            Row(
                "Attention-452",
                "cifar_attention452",
                CIFAR_100,
                8.6,
                None,
                (3.90, 20.45),
                "six modules per stage and p, t, r = 2, 4, 3; the printed 8.6 M does "
                "not fit them",
                recipe="cifar100_attention452",
                counted=Counts(10_204_372, 984_409_088),
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
                "the convolutions of Keras' network have 75,712 biases",
            ),
            Row(
                "Attention-56",
                "attention56",
                {},
                31.9,
                6.3,
                (21.76, 5.9),
                recipe="imagenet_attention56",
            ),
            Row(
                "ResNeXt-101",
                "resnext101",
                {},
                44.5,
                7.8,
                (21.2, 5.6),
                "the printed figures are those of ResNet-101, which it was sized after",
            ),
            Row(
                "AttentionNeXt-56",
                "attention_next56",
                {},
                31.9,
                6.3,
                (21.2, 5.6),
                "printed as for Attention-56; ours by the authors' own definition",
                recipe="imagenet_attention_next56",
            ),
            Row("Inception-ResNet-v1", "inception_resnet_v1", errors=(21.3, 5.5)),
            Row(
                "AttentionInception-56",
                "attention_inception56",
                {},
                31.9,
                6.3,
                (20.36, 5.29),
                "a reconstruction; its widths are chosen to fit",
                recipe="imagenet_attention_inception56",
            ),
            Row("ResNet-200", "resnet200", {}, 64.7, 15.0, (20.1, 4.8)),
            Row(
                "Inception-ResNet-v2",
                "inception_resnet_v2",
                {},
                31.9,
                6.3,
                (19.9, 4.9),
                "the printed figures are those of AttentionInception-56: a misprint",
            ),
            Row(
                "Attention-92, 320 x 320",
                "attention92",
                {},
                51.3,
                10.4,
                (19.5, 4.8),
                "by the authors' own definition, counted at 224; 21.5 G at 320",
                recipe="imagenet_attention92",
            ),
        ),
    ),
}
