"""Language models behind `domain.ports.model`: one wire format, three clients; `factory.model_from` chooses."""
