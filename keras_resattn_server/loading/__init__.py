"""Find versions on disk, load, warm up and unload them."""
