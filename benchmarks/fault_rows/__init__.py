"""The faults of benchmarks/faults.py, one function each, by the part of tunemagic that they hit."""
