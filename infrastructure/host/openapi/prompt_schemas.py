"""The JSON schemas of what the API says of prompts: versions, splits, figures, scores."""

from __future__ import annotations

from domain.json import JsonObject
from domain.rollout import TakenBack
from infrastructure.host.openapi.shapes import COUNT, NUMBER_OR_NULL, TEXT, list_of, object_of, or_null

PROMPT = {"name": TEXT, "version": TEXT}
_PROMPT_STATE = {
    "state": {"enum": ["draft", "released", "deprecated"]},
    "served": {"type": "boolean"},
    "because": or_null(TEXT),
}
_ENDS = {"low": NUMBER_OR_NULL, "high": NUMBER_OR_NULL}
_RATE = object_of({"count": COUNT, "of": COUNT, "rate": NUMBER_OR_NULL, **_ENDS})
_MEAN = object_of({"n": COUNT, "mean": NUMBER_OR_NULL, **_ENDS})
_FIGURES = object_of(
    {
        "executions": COUNT,
        **dict.fromkeys(("valid", "repaired", "failed"), _RATE),
        "failed_otherwise": COUNT,
        **dict.fromkeys(("seconds", "input_tokens", "output_tokens", "cost", "feedback"), _MEAN),
    }
)
_SPLIT = object_of(
    {
        "revision": COUNT,
        "baseline": TEXT,
        "shares": {"type": "object", "additionalProperties": COUNT},
        "dearer": COUNT,
        "label": TEXT,
        "at": TEXT,
    }
)
_FINDING = object_of(
    {
        "criterion": {"enum": ["failures", "validity", "cost"]},
        **{key: {"type": "number"} for key in ("candidate", "baseline", "evidence", "needed")},
        "because": TEXT,
        "worse": {"type": "boolean"},
    }
)
_VERSION = object_of(
    {
        "version": TEXT,
        "state": {"enum": ["draft", "released", "deprecated", "unknown"]},
        "share": COUNT,
        "evaluation": NUMBER_OR_NULL,
        "total": _FIGURES,
        "experiment": or_null(_FIGURES),
        "comparison": or_null(object_of({"worse": list_of(TEXT), "findings": list_of(_FINDING)})),
        "taken_back": list_of(TakenBack.model_json_schema(mode="serialization")),
    }
)

PROMPT_SCHEMAS: JsonObject = {
    "Prompts": object_of(
        {
            "prompts": list_of(
                object_of(
                    {
                        "name": TEXT,
                        "version": or_null(TEXT),
                        "hash": or_null(TEXT),
                        "description": TEXT,
                        "variables": list_of(TEXT),
                        "max_tokens": or_null(COUNT),
                        "versions": list_of(object_of({"version": TEXT, **_PROMPT_STATE})),
                    }
                )
            )
        }
    ),
    "SplitOf": object_of({"prompt": TEXT, "split": or_null(_SPLIT)}),
    "Stats": object_of(
        {
            "agent": TEXT,
            "prompt": TEXT,
            "baseline": TEXT,
            "split": or_null(_SPLIT),
            "versions": list_of(_VERSION),
        }
    ),
    "Feedback": object_of(
        {"execution_id": TEXT, "by": TEXT, "score": {"type": "number"}, "at": TEXT}, {"comment": TEXT}
    ),
    "Prompt": object_of(
        {
            **PROMPT,
            **_PROMPT_STATE,
            "hash": TEXT,
            "description": TEXT,
            "template_format": {"enum": ["semantic-kernel", "jinja2"]},
            "template": TEXT,
            "variables": list_of(
                object_of(
                    {
                        "name": TEXT,
                        "description": TEXT,
                        "required": {"type": "boolean"},
                        "default": or_null(TEXT),
                    }
                )
            ),
            "settings": {"type": "object"},
            "output_schema": or_null({"type": "object"}),
            "source": TEXT,
        }
    ),
    "PromptDiff": object_of(
        {
            "name": TEXT,
            "from": TEXT,
            "to": TEXT,
            "changes": list_of(
                object_of(
                    {
                        "kind": {"enum": ["variables", "schema", "settings", "structure", "wording"]},
                        "step": {"enum": ["patch", "minor", "major"]},
                        "text": TEXT,
                    }
                )
            ),
            "step": or_null({"enum": ["patch", "minor", "major"]}),
            "least_version": or_null(TEXT),
            "template_diff": TEXT,
        }
    ),
    "RenderedPrompt": object_of(
        {"messages": list_of(object_of({"role": {"enum": ["system", "user", "assistant"]}, "content": TEXT}))}
    ),
}
