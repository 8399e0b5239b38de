"""The processor of this machine, and the precisions in which it computes."""

import platform
import warnings
from pathlib import Path

INFORMATION = Path("/proc/cpuinfo")
# Linux's names of the instructions on x86 and ARM. One of them is enough.
INSTRUCTIONS = {
    "bfloat16": {"avx512_bf16", "amx_bf16", "bf16"},
    "float16": {"avx512_fp16", "amx_fp16", "fphp"},
}


def processor_name() -> str:
    """Return the maker's name for this processor, or an empty string."""
    return _fields().get("model name") or platform.processor()


def computes_in(dtype: str) -> bool | None:
    """Return whether this processor has arithmetic for a dtype.

    Args:
        dtype: `"bfloat16"` or `"float16"`.

    Returns:
        Boolean, or `None` if the system does not provide this information.
    """
    fields = _fields()
    flags = fields.get("flags") or fields.get("Features")
    return not INSTRUCTIONS[dtype].isdisjoint(flags.split()) if flags else None


def warn_if_emulated(precision: str) -> None:
    """Warn if the processor has no arithmetic for a precision and emulates it.

    Args:
        precision: A Keras dtype policy such as `"mixed_bfloat16"`, or a dtype.
    """
    dtype = precision.removeprefix("mixed_")
    if dtype in INSTRUCTIONS and computes_in(dtype) is False:
        warnings.warn(
            f"This processor has no {dtype} arithmetic. It emulates it, which takes "
            "several times as long as float32. Use --precision float32, or another "
            f"processor. Received: precision={precision!r} on {processor_name()}",
            stacklevel=3,
        )


def _fields() -> dict[str, str]:
    """Return Linux's information about the first core, by name."""
    if not INFORMATION.is_file():
        return {}
    first, *_ = INFORMATION.read_text(errors="replace").split("\n\n")
    lines = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
