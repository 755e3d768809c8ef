"""A made-up function adds rows to the tables, so it runs in a process of its own."""

collect_ignore = ["made_up.py"]  # doctests would import it here
