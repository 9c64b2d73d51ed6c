"""Measuring prompts: cases with checks, runs against a model, comparisons, records, and the gate before a release."""
