"""From a graph to a program of folds, and from there to source text.

Reading order:
"""

if __name__ != "closedform.emit":
    raise ImportError("this folder is a part of closedform: write 'import closedform.emit'")
