"""The settings of a recipe, which describe a run completely."""

import typing
from typing import Annotated
from typing import Any
from typing import Literal
from typing import Self

import pydantic
import yaml

from keras_resattn.zoo import find_name

PositiveInt = pydantic.PositiveInt
PixelValue = Annotated[float, pydantic.Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Deviation = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
Fraction = Annotated[float, pydantic.Field(ge=0, lt=1)]
# `Data` checks the range itself, for a message that names an example.
HeldOut = Annotated[
    float,
    pydantic.WithJsonSchema(
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    ),
]
# See `Data`.
VERSION_0_1 = "version_0.1"
# The name of data that `keras_resattn.training.fit` received as an argument.
FROM_PYTHON = "images given in Python"
PRECISIONS = {
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


def _types(annotation: Any) -> set[Any]:
    """Return the types that an annotation names. Any type of JSON is `object`."""
    if annotation is pydantic.JsonValue:
        return {object}
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return {annotation}
    return set().union(*map(_types, typing.get_args(annotation)))


class Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _is_no_truth(cls, value: object, info: pydantic.ValidationInfo) -> object:
        # pydantic would take true for 1.
        field = cls.model_fields[info.field_name or ""]
        types = _types(field.annotation)
        is_number = bool({int, float} & types) and not {bool, object} & types
        if isinstance(value, bool) and is_number:
            raise ValueError(
                "this is true or false (in YAML also yes, no, on and off); give a "
                "number"
            )
        return value


class Data(Settings):
    """The images: see `keras_resattn.data.load`.

    `validation` is the share of the training images that is held out for validation,
    if the data has no validation images of its own. By default, a folder without
    splits uses 0.1, and other data is validated on its test images. "version_0.1" is
    the rule of version 0.1, with which recipes that it saved are read.

    `on_error` only works with folders. Every file is decoded once before the
    training. With "stop", unreadable files are listed and end the run. With "skip",
    they are left out.

    `correct_labels` is the share r of training labels that stay as they are; the
    others are spread evenly over the other classes (noisy labels, section 4.1 of the
    paper).
    """

    name: str
    data_dir: str | None = None
    download: bool = False
    validation: HeldOut | Literal["version_0.1"] | None = None
    on_error: Literal["stop", "skip"] = "stop"
    correct_labels: Share = 1.0

    @pydantic.field_validator("validation", mode="before")
    @classmethod
    def _is_a_share(cls, share: object) -> object:
        is_share = isinstance(share, (int, float)) and 0 < share < 1
        if is_share or share in (None, VERSION_0_1):
            return share
        raise ValueError("give a share above 0 and below 1, such as 0.1, or null")


class Network(Settings):
    """The network and its arguments: see `keras_resattn.create_model`.

    `remat` saves memory and takes more time. `arguments` has further arguments
    of the network: `p`, `t`, `r`, `unit`, `stages`, `stem`, `width_multiplier`,
    `stochastic_depth` and `dropout`, see docs/networks.md. `from_python` marks a
    network that was given to `keras_resattn.training.fit`. The recipe has only its name
    and its shape.
    """

    from_python: bool = False
    name: str
    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    attention: Literal["residual", "naive", "none"] | None = None
    mask_activation: Literal["mixed", "channel", "spatial"] | None = None
    mask_structure: Literal["encoder_decoder", "local"] | None = None
    weights: str | None = None
    remat: bool | None = None
    arguments: dict[str, pydantic.JsonValue] = {}

    @pydantic.field_validator("name")
    @classmethod
    def _is_known(cls, name: str, info: pydantic.ValidationInfo) -> str:
        # A saved model may have been made by a network that the user defined.
        if not (info.context or {}).get("to_build"):
            return name
        if info.data.get("from_python"):
            raise ValueError(
                "This network was built in Python, and the recipe does not describe "
                "it. Train it in Python, with FOLDER = the folder of the run: folder = "
                "keras_resattn.load_model(FOLDER); keras_resattn.training.fit("
                f"folder.recipe, OUT, network=folder.model). Received: {name!r}"
            )
        return find_name(name)

    def options(self) -> dict[str, Any]:
        """Return the arguments of the network that the recipe states."""
        names = ("attention", "mask_activation", "mask_structure", "weights", "remat")
        stated = {name: getattr(self, name) for name in names}
        stated = {name: value for name, value in stated.items() if value is not None}
        return stated | self.arguments


class Preprocessing(Settings):
    """The resize of images and the standardization of pixels.

    `resize` is for images whose aspect ratio differs from the network's: "squash"
    changes it, "crop" resizes the shorter side and takes the central part, "pad"
    resizes the longer side and adds black bars. See
    `keras_resattn.data.Preprocessing`.
    """

    resize: Literal["squash", "crop", "pad"] = "squash"
    mean: PixelValue | tuple[PixelValue, ...] = 127.5
    std: Deviation | tuple[Deviation, ...] = 127.5


class RandAugment(Settings):
    """Settings of `keras.layers.RandAugment`: operations per image, and strength."""

    num_ops: PositiveInt = 2
    factor: Share = 0.5


class Augmentation(Settings):
    """Random changes of training images: see `keras_resattn.data.training_batches`.

    `crop` is "pad" (add `crop_padding` black pixels on each side, then crop to
    the network's size), "resized" (crop a random area with a random aspect
    ratio, then resize) or "none". `antialias=False` makes that resize faster and
    coarser, for trainings that wait for their images.

    `flip` mirrors half of the images left to right, `vertical_flip` half of them top to
    bottom. `rotation` is the largest angle in degrees. `random_erasing` is the
    probability with which a rectangle of 2 to 33 % of the image is replaced by noise.

    `mixup` and `cutmix` are the parameters of their distributions, 0 for none. With
    both, each is applied to half of the batches.
    """

    flip: bool = True
    vertical_flip: bool = False
    rotation: Annotated[float, pydantic.Field(ge=0, le=180)] = 0.0
    crop: Literal["pad", "resized", "none"] = "pad"
    crop_padding: pydantic.NonNegativeInt = 4
    crop_area: tuple[Share, Share] = (0.08, 1.0)
    antialias: bool = True
    color_jitter: Fraction = 0.0
    rand_augment: RandAugment | None = None
    random_erasing: Share = 0.0
    mixup: pydantic.NonNegativeFloat = 0.0
    cutmix: Share = 0.0

    @pydantic.field_validator("crop_area")
    @classmethod
    def _is_a_range(cls, area: tuple[float, float]) -> tuple[float, float]:
        if not 0 < area[0] <= area[1]:
            raise ValueError(
                "give the smallest and the largest share, such as [0.08, 1.0]"
            )
        return area


class Train(Settings):
    """The optimizer, its learning rate, and what is trained for how long.

    **Steps.** A step computes the gradients of `batch_size` images, counting the
    images of all devices together. With `accumulate` n, the optimizer applies the
    mean gradient of n steps. An epoch has `steps_per_epoch` steps, by default as
    many as there are whole batches.

    **Learning rate.** The peak is `learning_rate * images / base_batch_size`, where
    `images` is `batch_size * accumulate`. It rises for `warmup_epochs`. Then it
    falls to zero along a cosine (`schedule` "cosine") or a line ("linear"), is
    divided by `drop_factor` at each share of the training in `drops` ("steps"), or
    stays the same ("constant"). `body_rate_factor` multiplies the learning rate of
    all layers but the classification head.

    **Optimizer.** "sgd" uses `momentum`, `nesterov` and the paper's weight decay w,
    which adds w times the weight to each gradient, also for the weights of batch
    normalization. The others are Keras' own. They do not use `momentum` and
    `nesterov`, and `weight_decay` is Keras' decoupled weight decay. `clip_norm`
    limits the norm of all gradients together.

    **Loss.** `class_weights` multiplies the loss of each image by the weight of its
    class: "balanced" uses the inverse of the number of training images of the class,
    with a mean of 1 per image; a mapping gives the weights by class name, 1 for
    others. With mixup or CutMix, the weights are mixed as the labels are.

    **Fine-tuning.** `freeze` keeps weights as they are: those of the "body" (all
    layers but the classification head) or of the "stages" (all layers up to the
    last stage). Batch normalization in frozen layers is in inference mode. After
    `unfreeze_after` epochs these layers are also trained.

    **Choice of the epoch.** With `keep` "best", the model folder has the model of
    the epoch with the highest validation accuracy (of equal ones, that with the
    lowest loss). `patience` ends the training after so many epochs without a
    better one.
    """

    epochs: PositiveInt = 30
    steps_per_epoch: PositiveInt | None = None
    batch_size: PositiveInt = 64
    accumulate: PositiveInt = 1
    base_batch_size: PositiveInt | None = None
    learning_rate: pydantic.PositiveFloat = 0.1
    body_rate_factor: pydantic.PositiveFloat = 1.0
    schedule: Literal["cosine", "linear", "steps", "constant"] = "cosine"
    warmup_epochs: pydantic.NonNegativeFloat = 1.0
    drops: tuple[Annotated[float, pydantic.Field(gt=0, lt=1)], ...] = (0.4, 0.6)
    drop_factor: Annotated[float, pydantic.Field(gt=1)] = 10.0
    optimizer: Literal["sgd", "adam", "adamw", "nadam", "rmsprop", "lion"] = "sgd"
    momentum: Fraction = 0.9
    nesterov: bool = True
    weight_decay: pydantic.NonNegativeFloat = 0.0
    clip_norm: pydantic.PositiveFloat | None = None
    label_smoothing: Fraction = 0.0
    class_weights: Literal["balanced"] | dict[str, pydantic.NonNegativeFloat] | None = (
        None
    )
    ema_momentum: Annotated[float, pydantic.Field(gt=0, lt=1)] | None = None
    freeze: Literal["none", "body", "stages"] = "none"
    unfreeze_after: PositiveInt | None = None
    keep: Literal["last", "best"] = "last"
    patience: PositiveInt | None = None

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate for the images of an update, by the linear scaling rule."""
        images = self.batch_size * self.accumulate
        return self.learning_rate * images / (self.base_batch_size or images)

    @pydantic.model_validator(mode="after")
    def _can_freeze(self) -> Self:
        if self.unfreeze_after and self.freeze == "none":
            raise ValueError(
                "`train.unfreeze_after` needs frozen layers; set `train.freeze` to "
                f"body or stages. Received: unfreeze_after={self.unfreeze_after}"
            )
        if self.freeze != "none" and self.ema_momentum is not None:
            raise ValueError(
                "`train.freeze` does not work with averaged weights; leave out "
                f"`train.ema_momentum`. Received: freeze={self.freeze}, "
                f"ema_momentum={self.ema_momentum}"
            )
        return self


class Recipe(Settings):
    """A complete description of a run.

    Example:

    >>> recipe = load_recipe("demo", ["train.epochs=10"])
    >>> recipe.train.epochs, recipe.network.name
    (10, 'cifar_attention56')
    """

    data: Data
    network: Network
    preprocessing: Preprocessing = Preprocessing()
    augmentation: Augmentation = Augmentation()
    train: Train = Train()
    precision: Annotated[
        Literal["float32", "mixed_bfloat16", "mixed_float16"],
        pydantic.BeforeValidator(lambda name: PRECISIONS.get(name, name)),
    ] = "float32"
    jit: bool | None = None
    seed: pydantic.NonNegativeInt = 0

    @pydantic.model_validator(mode="after")
    def _has_a_value_for_each_channel(self) -> Self:
        channels = self.network.input_shape[-1]
        for name in ("mean", "std"):
            value = getattr(self.preprocessing, name)
            if isinstance(value, tuple) and len(value) != channels:
                raise ValueError(
                    f"`preprocessing.{name}` must be one number, or one number for "
                    f"each of the {channels} channels of `network.input_shape`. "
                    f"Received: {list(value)}"
                )
        return self

    def to_yaml(self) -> str:
        """Return the recipe as YAML, with every setting."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
