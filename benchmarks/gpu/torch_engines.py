"""Run pytorchcv's network in PyTorch, with autocast to bfloat16 and channels last.

The makers correspond to those in `jax_engines`.
"""

import importlib.metadata
import platform

import torch
import torch._inductor.config
from pytorchcv.models.resattnet import resattnet56
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training_engines import memory

HAS_GPU = torch.cuda.is_available()
DEVICE = "cuda" if HAS_GPU else "cpu"
LAYOUT = torch.channels_last

torch.backends.cudnn.benchmark = True  # choose the fastest kernels, as XLA does


def training(size, mode=None):
    """Return the maker of a training step, eager or compiled in a mode."""
    network = attention56(size).train()
    flop = 3 * flop_of_an_image(network, size)
    optimizer = torch.optim.SGD(
        network.parameters(), 0.01, momentum=0.9, nesterov=True, fused=True
    )
    forward = compiled(network, mode)

    def prepare(batch):
        data, labels = images(batch, size), torch.randint(1000, (batch,), device=DEVICE)

        def call():
            optimizer.zero_grad()
            with torch.autocast(DEVICE, torch.bfloat16):
                loss = torch.nn.functional.cross_entropy(forward(data), labels)
            loss.backward()
            optimizer.step()
            return loss

        return call, flop * batch

    return prepare


def inference(size, mode=None, frozen=False):
    """Return the maker of an inference call, eager or compiled in a mode.

    `frozen` is PyTorch's fastest variant: the weights are bfloat16 and constants, so
    the compiler folds batch normalization.
    """
    network = attention56(size).eval()
    flop = flop_of_an_image(network, size)
    torch._inductor.config.freezing = frozen
    dtype = torch.bfloat16 if frozen else torch.float32
    forward = compiled(network.to(dtype), mode)

    def prepare(batch):
        data = images(batch, size)

        def call():
            with (
                torch.inference_mode(),
                torch.autocast(DEVICE, torch.bfloat16, enabled=not frozen),
            ):
                return forward(data.to(dtype))

        return call, flop * batch

    return prepare


def matrices(_):
    """Return the maker of a matrix product, about the highest speed of the device."""

    def prepare(height):
        left, right = torch.randn(2, height, height, device=DEVICE).bfloat16()
        return lambda: left @ right, 2 * height**3

    return prepare


def attention56(size):
    network = resattnet56(in_size=(size, size))
    if size != 224:  # pytorchcv pools maps of 7 x 7, which only 224 has
        network.features.final_pool = torch.nn.AdaptiveAvgPool2d(1)
    return network.to(DEVICE, memory_format=LAYOUT)


def compiled(network, mode):
    return torch.compile(network, mode=mode, dynamic=False) if mode else network


def flop_of_an_image(network, size):
    """Return the operations of convolutions and classifier, per image."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        # In training, batch normalization needs more than one value per channel.
        network(images(2, size))
    return counter.get_total_flops() // 2


def images(batch, size):
    pixels = torch.randn(batch, 3, size, size, device=DEVICE)
    return pixels.contiguous(memory_format=LAYOUT)


def wait(_):
    if HAS_GPU:
        torch.cuda.synchronize()


def reset_peak():
    if HAS_GPU:
        torch.cuda.reset_peak_memory_stats()


def peak_bytes():
    """Return the peak of allocated memory; on a processor, of the process's memory."""
    if HAS_GPU:
        return torch.cuda.max_memory_allocated()
    return int(memory("VmHWM") * 2**20)


def facts():
    versions = {
        "Python": platform.python_version(),
        "PyTorch": torch.__version__,
        "pytorchcv": importlib.metadata.version("pytorchcv"),
    }
    if HAS_GPU:
        versions["CUDA"] = torch.version.cuda
        versions["cuDNN"] = str(torch.backends.cudnn.version())
    device = torch.cuda.get_device_name() if HAS_GPU else "cpu"
    return {"device": device, "versions": versions}
