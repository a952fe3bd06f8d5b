"""Data sets, read from what is installed or from a folder that the user names."""
