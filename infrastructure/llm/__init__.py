"""Language models behind `domain.ports.model`.

`clients` speak to servers, `catalogue` is `models.yaml`, `spending` its budgets, `cache` its kept answers; each module here wraps one
model in another concern, and `stack` puts them together.
"""
