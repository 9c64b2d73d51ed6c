"""How cost grows, where the limits are, and what a cluster needs: `make bench-capacity`, see docs/capacity.md.

The agents that are loaded are the shipped `implementation`, and where it cannot vary what is asked, those of `room/`, which do the
same work. `parts/` holds a measurement each, `load.py` what they share, `sizing.py` the arithmetic from figures to a
cluster, `published.py` what is taken from others' documentation.
"""
