"""The commands, one a file; what is heavy is imported inside their functions."""
