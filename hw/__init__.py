"""Hardware half: the integer network, its folding and cost, and the accelerator in Amaranth."""
