"""Write the model in NumPy's words, read its derivative as a formula, run both as one kernel."""

__version__ = "0.1.0"
