"""Answers that need no model: to exactly the same question, and, where it is asked for, to a similar one."""
