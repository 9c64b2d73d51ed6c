"""Makes docs/benchmarks.md and its plots from benchmarks/results/latest.json: nothing measured is written by hand."""
