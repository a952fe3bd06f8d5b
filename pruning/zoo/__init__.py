"""Well-known models, in plain torch.nn."""
