"""Hardware components, one a file."""
