"""`python -m closedform`: what this machine offers, and what the cache holds."""

import sys

from closedform.runtime.doctor import main

if __name__ == "__main__":
    sys.exit(main())
