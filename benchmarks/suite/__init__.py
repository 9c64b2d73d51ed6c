"""Measures every contender at the same work, on the same daprd, Redis and model: `make bench`, see docs/benchmarks.md.

A *field* (`field.py`) is one contender's own world of processes. A *take* (`measure.py`) is all that is measured in one
field. A *round* (`rounds.py`) is one take of each contender between two control runs. `faults.py` and `soak.py` are the
long questions; `entrants.py` leaves out whoever fails. `results.py` holds what comes out, and the ratios; `output.py` writes it.
"""
