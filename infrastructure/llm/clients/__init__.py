"""The wire: one format of an OpenAI-compatible server, three clients of it, embeddings; `factory` chooses."""
