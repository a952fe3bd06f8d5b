"""Synthesis figures, the ledger of what was saved, plots and pages."""
