"""The command line and the run file that ties the halves together."""
