"""A backup's manifest that cannot be one: said before anything is loaded, and with the place."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.backup.manifest import read_manifest

GOOD: dict[str, Any] = {
    "kind": "agents-backup",
    "format": 1,
    "taken_at": "2025-11-22T08:00:00Z",
    "redis_version": "7.2.4",
    "size": 9,
    "sha256": "0" * 64,
    "contents": {
        "keys": 0,
        "expiring": 0,
        "documents": {},
        "streams": 0,
        "events": 0,
        "groups": 0,
        "pending": 0,
    },
}


def written(folder: Path, **changes: Any) -> Path:
    document = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


def test_a_manifest_is_read(tmp_path: Path) -> None:
    assert read_manifest(written(tmp_path)).size == 9


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": 0}, "format: Input should be 1"),
        ({"format": -1}, "format: Input should be 1"),
        ({"format": "1"}, "format: Input should be 1"),
        ({"format": None}, "format: Input should be 1"),
        ({"format": ...}, "format: it is missing"),
        ({"format": 2}, "has the format 2, this command knows 1"),
        ({"taken_at": "9999-12-31T23:59:59Z"}, "taken_at: 9999-12-31T23:59:59+00:00 is still to come"),
        ({"taken_at": "9999-12-31T23:59:59-12:00"}, "taken_at: "),
        ({"taken_at": "2026-11-22T08:00:00"}, "taken_at: Input should have timezone info"),
        ({"size": -1}, "size: Input should be greater than or equal to 0"),
        ({"sha256": "0"}, "sha256: String should match pattern"),
    ],
)
def test_a_format_or_a_moment_that_cannot_be_is_refused(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(CommandError) as refused:
        read_manifest(written(tmp_path, **changes))
    assert told in refused.value.message
    assert refused.value.code == ExitCode.INVALID
    assert refused.value.hint


def test_a_clock_that_is_a_little_ahead_keeps_no_backup_from_being_restored(tmp_path: Path) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert read_manifest(written(tmp_path, taken_at=ahead)).age < 0
