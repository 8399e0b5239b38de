"""What this machine's processor is, and in which precisions it computes."""

import platform
import warnings
from pathlib import Path

INFORMATION = Path("/proc/cpuinfo")
# Linux's names of the instructions, on x86 and ARM; any of them will do.
INSTRUCTIONS = {
    "bfloat16": {"avx512_bf16", "amx_bf16", "bf16"},
    "float16": {"avx512_fp16", "amx_fp16", "fphp"},
}


def processor_name():
    """Return the maker's name of this processor, or an empty string."""
    return _fields().get("model name") or platform.processor()


def computes_in(dtype):
    """Return whether this processor has arithmetic of a dtype.

    Args:
        dtype: `"bfloat16"` or `"float16"`.

    Returns:
        Boolean, or `None` where the system does not tell.
    """
    fields = _fields()
    flags = fields.get("flags") or fields.get("Features")
    return not INSTRUCTIONS[dtype].isdisjoint(flags.split()) if flags else None


def warn_if_emulated(precision):
    """Warn that a processor without arithmetic of a precision emulates it.

    Args:
        precision: A Keras dtype policy such as `"mixed_bfloat16"`, or a dtype.
    """
    dtype = precision.removeprefix("mixed_")
    if dtype in INSTRUCTIONS and computes_in(dtype) is False:
        warnings.warn(
            f"This processor has no {dtype} arithmetic and emulates it, which takes "
            "several times as long as float32; take that, or another processor. "
            f"Received: precision={precision!r} on {processor_name()}",
            stacklevel=3,
        )


def _fields():
    """Return what Linux tells of the first core, by name."""
    if not INFORMATION.is_file():
        return {}
    first, *_ = INFORMATION.read_text(errors="replace").split("\n\n")
    lines = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
