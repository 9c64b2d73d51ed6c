"""What is said of a `models.yaml` whose `similar:` is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.llm.catalogue.file import load_catalogue, read_catalogue
from tests.unit.llm.test_catalogue import problems

FILE = """
models:
  big: {provider: ollama, model: big, prices: free}
  near: {provider: ollama, model: near, prices: free}
tasks: {default: {model: big, cache: {ttl: 1h, similar: {model: near}}}}
"""


def test_it_is_off_where_nothing_is_said_and_strict_where_only_the_model_is(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(FILE)
    caching = load_catalogue(tmp_path / "models.yaml", {}).tasks["default"].cache
    assert caching is not None
    assert caching.similar is not None
    assert (caching.similar.at_least, caching.similar.keep) == (0.98, 100)
    (tmp_path / "models.yaml").write_text(FILE.replace(", similar: {model: near}", ""))
    caching = load_catalogue(tmp_path / "models.yaml", {}).tasks["default"].cache
    assert caching is not None
    assert caching.similar is None


@pytest.mark.parametrize(
    ("similar", "says"),
    [
        ("{model: near, at_least: 0}", "5:81: `tasks.default.cache.similar.at_least` is 0, no cosine similarity of texts that mean the same — write 0.95 or more"),
        ("{model: near, at_least: 0.9}", "at_least` is 0.9, no cosine similarity"),
        ("{model: near, at_least: 98}", "at_least` is 98, no cosine similarity"),
        ("{model: near, at_least: high}", "`tasks.default.cache.similar.at_least` is 'high' — it should be a valid number"),
        ("{model: near, keep: 0}", "5:77: `tasks.default.cache.similar.keep` is '0' — it should be greater than or equal to 1"),
        ("{model: near, keep: 5000}", "it should be less than or equal to 1000"),
        ("{model: neer}", "5:65: there is no model 'neer' to compare questions with — do you mean 'near'?"),
        ("{model: all-minilm}", "there is no model 'all-minilm' to compare questions with — name one of `models` that makes embeddings"),
        ("{at_least: 0.98}", "`tasks.default.cache.similar` has no `model` — add `model:`"),
        ("{model: near, atleast: 0.98}", "`tasks.default.cache.similar.atleast` is no key that is known here — do you mean `at_least`?"),
        ("near", "`tasks.default.cache.similar` is not an object"),
    ],
)  # fmt: skip
def test_a_setting_that_is_wrong_is_refused_with_its_place_and_cure(
    tmp_path: Path, similar: str, says: str
) -> None:
    found = problems(tmp_path, FILE.replace("{model: near}", similar))
    assert any(says in problem for problem in found), found


def test_an_embedding_model_without_a_price_is_refused_and_a_models_own_cache_is_looked_at_too(
    tmp_path: Path,
) -> None:
    text = FILE.replace("model: near, prices: free", "model: near")
    assert problems(tmp_path, text)[0].startswith("4:9: `models.near` has no `prices` — write prices:")
    own = FILE.replace(
        "model: big, prices: free", "model: big, prices: free, cache: {ttl: 1h, similar: {model: x}}"
    )
    assert problems(tmp_path, own)[0].startswith("3:87: there is no model 'x' to compare questions with")


def test_a_chat_model_that_compares_questions_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(FILE.replace("similar: {model: near}", "similar: {model: big}"))
    catalogue, found = read_catalogue(tmp_path / "models.yaml", {})
    assert catalogue is not None
    assert [(one.severity, one.line) for one in found] == [("warning", 5)]
