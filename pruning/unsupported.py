"""The error of a model that cannot be read or changed as asked."""


class UnsupportedLayer(ValueError):
    """A layer, or a place for it, that is not supported."""
