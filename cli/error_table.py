"""`docs/errors.md`: the table of `agents/runtime/policy.py`, printed."""

import inspect

from agents.runtime.policy import DEFAULT_RETRY_AFTER, error_classes, rule_of
from domain.errors import AgentError

_HEAD = f"""# Errors

Written by `python -m cli.documents` from `agents/runtime/policy.py`. Handlers and adapters raise these classes
(`domain/errors.py`); what becomes of the work, and what a caller over HTTP sees, follows from the class alone.

Over HTTP every error has one form: `{{"error": {{"code", "message", "details", "timestamp"}}}}`. 429 and 503 carry
`Retry-After`: what the other side named, else {DEFAULT_RETRY_AFTER} s. The broker is told SUCCESS once an outcome is recorded and
published, a failed one too. It is told RETRY when another replica has the work, at shutdown, for documents that cannot be
read, and after a bug of the runtime itself; never at once, since some brokers deliver again at once.

A request that fails with a status below 500 is its caller's to mend: the answer says what it is, the execution's record keeps it, and
there is no dead letter and no event. From 500 on it is a dead letter, as every event that fails.

| code | class | meaning | what becomes of the work | counts as an attempt | HTTP |
|---|---|---|---|---|---|
"""
_BUG = "| `internal` | anything else | A bug in a handler. Its text stays in the log. | {} | yes | 500 |\n"


def error_table() -> bytes:
    rows = [_row(kind) for kind in list(error_classes())[1:]]
    return (_HEAD + "".join(rows) + _BUG.format(rule_of(Exception).work)).encode()


def _row(kind: type[AgentError]) -> str:
    rule = rule_of(kind)
    meaning = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    counts = "yes" if rule.counts else "no"
    cells = (f"`{kind.code}`", f"`{kind.__name__}`", meaning, rule.work, counts, str(rule.status))
    return f"| {' | '.join(cells)} |\n"
