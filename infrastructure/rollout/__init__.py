"""Gradual release of prompts: splits, figures of each version, and taking back what is worse. docs/rollout.md."""
