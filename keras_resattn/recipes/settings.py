"""The settings of a recipe, which describe a run completely."""

from typing import Annotated
from typing import Any
from typing import Literal
from typing import Self

import pydantic
import yaml

from keras_resattn.zoo import find_name

PositiveInt = pydantic.PositiveInt
PixelValue = Annotated[float, pydantic.Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
Fraction = Annotated[float, pydantic.Field(ge=0, lt=1)]
PRECISIONS = {
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


class Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Data(Settings):
    """The images: see `keras_resattn.data.load`.

    `on_error` only works with folders. With "skip", every file is decoded once
    before the training, and unreadable files are left out. With "stop", the
    first unreadable file is named and ends the run. `correct_labels` is the
    share r of training labels that stay as they are; the others are spread
    evenly over the other classes (noisy labels, section 4.1 of the paper).
    """

    name: str
    data_dir: str | None = None
    download: bool = False
    on_error: Literal["stop", "skip"] = "stop"
    correct_labels: Share = 1.0


class Network(Settings):
    """The network and its arguments: see `keras_resattn.create_model`.

    `remat` saves memory and takes more time. `arguments` has further arguments
    of the network, such as `dropout` or `stochastic_depth`.
    """

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
        return find_name(name) if (info.context or {}).get("to_build") else name

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
    std: pydantic.PositiveFloat | tuple[pydantic.PositiveFloat, ...] = 127.5


class RandAugment(Settings):
    """Settings of `keras.layers.RandAugment`: operations per image, and strength."""

    num_ops: PositiveInt = 2
    factor: Share = 0.5


class Augmentation(Settings):
    """Random changes of training images: see `keras_resattn.data.training_batches`.

    `crop` is "pad" (add `crop_padding` black pixels on each side, then crop to
    the network's size), "resized" (crop a random area with a random aspect
    ratio, then resize) or "none". `antialias=False` makes that resize faster and
    coarser, for trainings that wait for their images. `mixup` and `cutmix` are the
    parameters of their distributions, 0 for none. With both, each is applied to
    half of the batches.
    """

    flip: bool = True
    crop: Literal["pad", "resized", "none"] = "pad"
    crop_padding: pydantic.NonNegativeInt = 4
    crop_area: tuple[Share, Share] = (0.08, 1.0)
    antialias: bool = True
    color_jitter: Fraction = 0.0
    rand_augment: RandAugment | None = None
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
    """The training by SGD with momentum.

    The learning rate is `learning_rate * batch_size / base_batch_size`. The batch
    size counts the images of all devices together. The rate rises for
    `warmup_epochs`. Then it falls to zero along a cosine (`schedule` "cosine") or
    a line ("linear"), or is divided by `drop_factor` at each share of the training
    in `drops` ("steps").

    `weight_decay` w adds w times the weight to each gradient, as the paper does,
    also for the weights of batch normalization.
    """

    epochs: PositiveInt = 30
    batch_size: PositiveInt = 64
    base_batch_size: PositiveInt | None = None
    learning_rate: pydantic.PositiveFloat = 0.1
    schedule: Literal["cosine", "linear", "steps"] = "cosine"
    warmup_epochs: pydantic.NonNegativeFloat = 1.0
    drops: tuple[Annotated[float, pydantic.Field(gt=0, lt=1)], ...] = (0.4, 0.6)
    drop_factor: Annotated[float, pydantic.Field(gt=1)] = 10.0
    momentum: Fraction = 0.9
    nesterov: bool = True
    weight_decay: pydantic.NonNegativeFloat = 0.0
    label_smoothing: Fraction = 0.0
    ema_momentum: Annotated[float, pydantic.Field(gt=0, lt=1)] | None = None

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate for the global batch, by the linear scaling rule."""
        base = self.base_batch_size or self.batch_size
        return self.learning_rate * self.batch_size / base


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
