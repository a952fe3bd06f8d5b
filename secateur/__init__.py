"""The command line and the run file that ties the halves together."""

__version__ = "0.1.0"
