"""Connect to a Ray cluster."""

import os


def connect() -> None:
    """Connect to the Ray cluster at `RAY_ADDRESS`, or start one on this machine.

    Does nothing if this process is already connected. Ray's usage statistics are off
    unless `RAY_USAGE_STATS_ENABLED` is set.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray starts
    import ray

    if not ray.is_initialized():
        ray.init(include_dashboard=False)
