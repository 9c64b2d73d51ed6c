"""A measurement each: `measure(programs, plan, say)` gives what capacity.json keeps of it, `expected_s(plan)` how long it takes."""
