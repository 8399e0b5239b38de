"""`keras-resattn convert pytorchcv`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


def pytorchcv(
    state: Annotated[
        Path,
        typer.Argument(
            metavar="STATE",
            help="A PyTorch state dict or checkpoint: .safetensors, .pth, .pt or .tar.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT.keras", help="The model file to write."),
    ],
    network: Annotated[
        str,
        typer.Option(
            "--network",
            help="The network that was trained: Attention56 (pytorchcv's "
            "resattnet56) or Attention92 (resattnet92).",
        ),
    ],
):
    """Convert weights trained on pytorchcv's network to a Keras model."""
    if out.suffix != ".keras":
        raise ValueError(
            f"The name of a Keras model file must end in .keras. Received: out={out}"
        )
    import_keras()

    from keras_resattn.convert.pytorchcv import convert_pytorchcv
    from keras_resattn.model_folder import write_beside

    model = convert_pytorchcv(state, network)
    write_beside(out, model.save)
    typer.echo(
        f"{out} is pytorchcv's variant of the network, '{model.name}' of "
        f"keras_resattn.compatibility, with {model.output_shape[-1]} classes. Give it "
        "images as in its training; pytorchcv's are RGB, 224 x 224, scaled to 0 to 1, "
        "less the mean 0.485 0.456 0.406, over the deviation 0.229 0.224 0.225."
    )
