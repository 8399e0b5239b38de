"""Measure the fastest convolution on this processor, an upper limit for networks.

    python -m benchmarks.convolution_peak float32 bfloat16

Prints the GFLOP/s of oneDNN in PyTorch in each dtype, as JSON. It measures the 3 x 3
convolutions of Attention-56 at batch 8, because these reuse their kernels most.
"""

import json
import os
import sys
import time

import torch

CHANNELS_AND_HEIGHTS = ((64, 56), (128, 28), (256, 14), (512, 7))
BATCH, REPEATS = 8, 30


def main():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    print(json.dumps({name: peak(name) for name in sys.argv[1:]}))


def peak(dtype):
    """Return the GFLOP/s of the fastest convolution in a dtype."""
    return max(gflops(*case, getattr(torch, dtype)) for case in CHANNELS_AND_HEIGHTS)


def gflops(channels, height, dtype, repeats=REPEATS):
    """Return the GFLOP/s of one convolution, the best of `repeats`."""
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    layer = layer.to(dtype).to(memory_format=torch.channels_last)
    maps = torch.randn(BATCH, channels, height, height).to(dtype)
    maps = maps.contiguous(memory_format=torch.channels_last)
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats):
            start = time.perf_counter()
            layer(maps)
            seconds.append(time.perf_counter() - start)
    return 2 * maps.numel() * layer.weight[0].numel() / min(seconds) / 1e9


if __name__ == "__main__":
    main()
