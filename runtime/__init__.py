"""Compile, cache, load, call: where a program becomes something callable.

Reading order:
"""

if __name__ != "closedform.runtime":
    raise ImportError("this folder is a part of closedform: write 'import closedform.runtime'")
