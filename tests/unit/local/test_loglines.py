from pathlib import Path

import pytest

from cli.local import loglines
from cli.local.loglines import Lines, LogFile, readable


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("plain", "info", "plain"),
        ("\x1b[31mred\x1b[0m", "info", "red"),
        (
            '{"event": "claimed", "level": "INFO", "timestamp": "2026-11-21T12:13:14.123456Z", "execution_id": "e1"}',
            "info",
            "12:13:14.123 claimed execution_id=e1",
        ),
        ('{"event": "no", "level": "error", "exception": "a\\nb"}', "error", "no\na\nb"),
        (
            'time="2026-11-21T12:13:14.5Z" level=warning msg="said \\"x\\"" app_id=a',
            "warning",
            '12:13:14.5 said \\"x\\"',
        ),
        ("{not json", "info", "{not json"),
    ],
)
def test_a_line_becomes_readable(line: str, level: str, text: str) -> None:
    assert readable(line) == (level, text)


def test_lines_are_put_together_from_pieces_and_a_long_one_is_cut() -> None:
    given: list[str] = []
    lines = Lines(given.append)
    for piece in (b"a", b"b\nc", b"\n" + b"x" * 20_000 + b"\nend\n"):
        lines.feed(piece)
    assert given == ["ab", "c", "x" * 16_384, "end"]


def test_a_line_without_end_is_not_collected_for_ever() -> None:
    given: list[str] = []
    lines = Lines(given.append)
    for _ in range(100):
        lines.feed(b"x" * 10_000)
    assert sum(map(len, given)) > 700_000


def test_a_log_file_is_put_aside_when_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loglines, "MAX_BYTES", 100)
    log = LogFile(tmp_path / "a.log")
    for _ in range(5):
        log.write(b"x" * 60)
    log.close()
    assert (tmp_path / "a.log").stat().st_size == 60
    assert (tmp_path / "a.log.1").stat().st_size == 120
    assert len(list(tmp_path.iterdir())) == 2
