"""Simulation of the emitted Verilog with cocotb and Verilator."""
