"""What the user means: tensors, shapes, dtypes, derivative rules, printing.

Reading order:
"""

if __name__ != "closedform.algebra":
    raise ImportError("this folder is a part of closedform: write 'import closedform.algebra'")
