"""Train, predict and serve on a Ray cluster (extra `ray`)."""
