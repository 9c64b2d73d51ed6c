from __future__ import annotations

from typing import Literal, TypeAlias

from domain.entities.values import Priority, Reference, Sentence, Title, Value

CaseKind: TypeAlias = Literal["unit", "integration", "end-to-end", "performance", "security"]


class Case(Value):
    """One test case: in the state `given`, `when` something happens, `then` this is seen."""

    id: Reference
    title: Title
    given: Sentence
    when: Sentence
    then: Sentence
    priority: Priority
    kind: CaseKind
