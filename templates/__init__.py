"""The shape of the files that closedform emits: Jinja templates, never a decision.

Reading order:
"""

if __name__ != "closedform.templates":
    raise ImportError("this folder is a part of closedform: write 'import closedform.templates'")
