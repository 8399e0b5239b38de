"""Run signatures: threads, batches, the limit on requests, the metrics."""
