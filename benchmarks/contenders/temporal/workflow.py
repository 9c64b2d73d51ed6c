"""The workflow, apart from the app: Temporal imports this file anew for each run, in its sandbox."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from work import code_generated

TIMEOUT = timedelta(seconds=150)


@workflow.defn
class WriteCode:
    @workflow.run
    async def run(self, spec: dict[str, Any]) -> None:
        answer = await workflow.execute_activity("ask_model", spec, start_to_close_timeout=TIMEOUT)
        code = code_generated(spec, answer)
        await workflow.execute_activity("save", code, start_to_close_timeout=TIMEOUT)
        await workflow.execute_activity("publish", code, start_to_close_timeout=TIMEOUT)
