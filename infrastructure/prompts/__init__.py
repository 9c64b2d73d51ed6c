"""Versioned prompts from YAML files in Semantic Kernel's form, checked and compiled when they are loaded."""
