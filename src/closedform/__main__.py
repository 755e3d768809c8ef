"""`python -m closedform`: differentiate a text; the table of operations; what this machine offers
and the cache holds."""

import sys

from closedform.runtime.doctor import main

if __name__ == "__main__":
    sys.exit(main())
