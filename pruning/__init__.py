"""Pruning half: data, models, units, selectors, retraining, quantisation and export, in PyTorch."""
