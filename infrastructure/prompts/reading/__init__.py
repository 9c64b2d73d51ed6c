"""One prompt file: from bytes to a compiled prompt, or to everything that is wrong with it."""
