"""The benchmark: layers and prunings of others' tables, generated, simulated and synthesised."""
