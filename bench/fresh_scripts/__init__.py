"""Scripts that a new process runs: `python -m bench.fresh_scripts.NAME`; each prints one number."""
