"""Optional dependencies: check that they are installed, before any work begins."""

import importlib.metadata
import importlib.util
import json
from pathlib import Path

DISTRIBUTION = "keras-resattn"

# The modules that tell whether an extra of setup.cfg is installed.
MODULES = {
    "client": ("grpc", "httpx", "PIL"),
    "convert": ("safetensors", "torch"),
    "explore": ("gradio", "jinja2", "matplotlib", "PIL", "skimage", "tf_keras_vis"),
    "hub": ("huggingface_hub",),
    "litert": ("ai_edge_litert",),
    "mlflow": ("mlflow",),
    "onnx": ("onnx", "onnxruntime", "tf2onnx"),
    "openvino": ("openvino", "scipy"),
    "ray": ("ray",),
    "serve": (
        "grpc",
        "grpc_health",
        "prometheus_client",
        "python_multipart",
        "starlette",
        "tensorflow_serving",
        "uvicorn",
    ),
    "tensorboard": ("tensorboard",),
    "vis": ("jinja2", "matplotlib", "PIL", "scipy", "sklearn", "tf_keras_vis"),
    "wandb": ("wandb",),
}


def require_extra(extra: str, feature: str, modules: tuple[str, ...] = ()) -> None:
    """Check that the modules of an optional extra are installed.

    Example:

    >>> require_extra("onnx", "The export to ONNX")

    Args:
        extra: The name of an extra of setup.cfg, a key of `MODULES`.
        feature: What needs it, the subject of the error's first sentence.
        modules: The modules to look for. Defaults to all of the extra.

    Raises:
        ImportError: If a module is missing. The message has the command that
            installs the extra.
    """
    missing = [name for name in modules or MODULES[extra] if not _is_installed(name)]
    if missing:
        raise ImportError(
            f"{feature} needs the extra `{extra}`. Install it: "
            f"{install_command(extra)}. Received: missing modules {missing}"
        )


def install_command(extra: str) -> str:
    """Return the command that installs an extra where this package came from.

    Args:
        extra: The name of an extra of setup.cfg.

    Returns:
        A `pip install` command: with the path of the clone or the address of the
        wheel that this package was installed from, otherwise with its name.
    """
    clone = Path(__file__).parents[1]
    if (clone / "setup.cfg").is_file():
        return f'pip install --editable "{clone}[{extra}]"'
    source = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    address = f" @ {json.loads(source)['url']}" if source else ""
    return f'pip install "{DISTRIBUTION}[{extra}]{address}"'


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package that a dotted name is in
        return False
