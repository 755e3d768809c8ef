"""Measurements beside peers: `python -m bench NAME...`, or `make bench`. Never part of a test.

Reading order: `threads` gives every library the same processors; `case` holds what is compared;
`agreement` refuses to time contenders that disagree; `harness` interleaves and takes medians;
`bar` judges; `machine`, `report` and `plots` show and keep. `step` trains one model in every
library; `tasks/` has the tasks, one per file. `fresh` measures in new processes.
"""

import os

# Every library chooses its kernels for this processor itself; must be gone before NumPy loads.
os.environ.pop("OPENBLAS_CORETYPE", None)
# New processes are measured as users have them: modules compiled once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
