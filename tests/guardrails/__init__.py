"""An own set of 200 attacks and 200 harmless inputs, in German and English, and what the guardrails make of it.

The texts are written for this product's tasks, not copied; `source` names whose category of attack a text follows:
OWASP Top 10 for LLM applications 2025, Greshake et al. 2023 (arXiv:2302.12173), Perez & Ribeiro 2022 (arXiv:2211.09527),
Schulhoff et al. 2023 (HackAPrompt, arXiv:2311.16119). The set was split once, by kind and language, before any rule was
written; an attack and its counterpart in the other language are in the same half.
"""
