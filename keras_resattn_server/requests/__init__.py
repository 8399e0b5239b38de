"""What REST and gRPC requests have in common: admission, messages, classification."""
