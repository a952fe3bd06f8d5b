"""ONNX: quantised models become networks of integers, and these become integer models."""
