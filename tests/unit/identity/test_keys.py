from __future__ import annotations

import hmac
from datetime import date
from pathlib import Path

import pytest

from infrastructure.identity.caller import Refused
from infrastructure.identity.key_file import KeyFile, KeysInvalid, line_of, read_keys
from infrastructure.identity.keys import Key, Keyring, digest, new_key
from infrastructure.identity.roles import PERMISSIONS, Role
from infrastructure.located_yaml.problem import Report

ID, KEY = "0123456789ab", "agk_0123456789ab_" + "s" * 43
HASH = digest(KEY).hex()


def ring(expires: date | None = None, today: date = date(2026, 11, 22)) -> Keyring:
    return Keyring([Key(ID, digest(KEY), (Role.OPERATOR,), expires)], lambda: today)


def test_a_key_says_who_calls_and_what_they_may() -> None:
    caller = ring().caller(KEY)
    assert caller.name == f"keys/{ID}"
    assert caller.permissions == PERMISSIONS[Role.OPERATOR]


@pytest.mark.parametrize(
    "given",
    [
        KEY[:-1] + "t", KEY[:-1], KEY + "s", KEY.upper(), KEY.replace("0123", "0124"), "agk_" + ID, "agk__", "", " " + KEY,
        KEY + "\n", HASH, f"agk_{ID}_{HASH}", KEY.replace("s", "ſ"),
    ],
)  # fmt: skip
def test_any_other_key_is_nobodys(given: str) -> None:
    with pytest.raises(Refused, match="not known here") as refused:
        ring().caller(given)
    assert not given.strip() or given not in str(refused.value)


def test_keys_are_compared_in_constant_time_known_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def noted(given: bytes, right: bytes) -> bool:
        compared.append(right)
        return given == right

    monkeypatch.setattr(hmac, "compare_digest", noted)
    ring().caller(KEY)
    with pytest.raises(Refused):
        ring().caller(KEY.replace(ID, "ba9876543210"))
    assert compared == [digest(KEY), bytes(32)]


def test_a_key_is_refused_from_the_day_it_expires() -> None:
    ring(expires=date(2026, 11, 23)).caller(KEY)
    with pytest.raises(Refused, match="expired on 2026-11-22: ask an operator for a new one"):
        ring(expires=date(2026, 11, 22)).caller(KEY)


def test_new_keys_are_all_different_and_have_256_random_bits() -> None:
    made = dict(new_key() for _ in range(200))
    assert len(made) == len(set(made.values())) == 200
    assert all(len(key.rpartition("_")[2]) >= 43 or key.count("_") > 2 for key in made.values())
    for key_id, key in made.items():
        assert Keyring([Key(key_id, digest(key), ())]).caller(key).permissions == frozenset()


def test_the_line_that_a_key_is_told_by_is_what_the_file_takes() -> None:
    key = Key(ID, digest(KEY), (Role.VIEWER, Role.ADMIN), date(2027, 5, 1))
    text = "keys:\n  " + line_of(key, 'it\'s "Bob": {x}, #1') + "\n"
    report = Report("keys.yaml")
    assert read_keys(text.encode(), report) == [key]
    assert report.problems == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "keys.yaml:1:1: error: this is no file of API keys — write `keys: []`"),
        ("[]", "keys.yaml:1:1: error: this is no file of API keys"),
        ("keys: {}", "this is no file of API keys"),
        ("keys: []\nmore: 1", "this is no file of API keys"),
        ("keys:\n  - 7", "keys.yaml:2:5: error: a key without id and sha256 and roles"),
        (f"keys:\n  - {{id: '{ID}', roles: [Agents.Viewer]}}", "a key without sha256"),
        (f"keys:\n  - {{id: 'xyz', sha256: '{HASH}', roles: [Agents.Viewer]}}", "keys.yaml:2:10: error: the id is not 12 hexadecimal digits"),
        (f"keys:\n  - {{id: '{ID}', sha256: '{KEY}', roles: [Agents.Viewer]}}", "copy the line that `agents keys new` printed; never the key"),
        (f"keys:\n  - {{id: '{ID}', sha256: '{HASH}', roles: [Agents.Root]}}", "'Agents.Root' is no role — there are Agents.Viewer, Agents.Developer, Agents.Operator, Agents.Admin"),
        (f"keys:\n  - {{id: '{ID}', sha256: '{HASH}', roles: Agents.Admin}}", "a key without a role"),
        (f"keys:\n  - {{id: '{ID}', sha256: '{HASH}', roles: []}}", "a key without a role"),
        (f"keys:\n  - {{id: '{ID}', sha256: '{HASH}', roles: [Agents.Viewer], expires: soon}}", "'soon' is no day — write one like 2027-05-01"),
        (f"keys:\n  - {{id: '{ID}', sha256: '{HASH}', roles: [Agents.Viewer], role: x}}", "the field 'role' is unknown"),
        (f"keys:\n  - &a {{id: '{ID}', sha256: '{HASH}', roles: [Agents.Viewer]}}\n  - {{id: '{ID}', sha256: '{HASH}', roles: [Agents.Admin]}}", "keys.yaml:3:5: error: the id 0123456789ab is there twice"),
        ("keys: [", "this is no YAML"),
        ("\0", "control character"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_by_line_with_its_cure_and_without_the_key(text: str, says: str) -> None:
    report = Report("keys.yaml")
    read_keys(text.encode(), report)
    told = "\n".join(map(str, report.problems))
    assert says in told
    assert KEY not in told


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(
        KeysInvalid, match="cannot be read: No such file or directory — set AGENTS_API_KEYS to a file"
    ):
        KeyFile(tmp_path / "none.yaml")


async def test_a_changed_file_is_taken_up_and_a_broken_one_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text("keys: []\n")
    file = KeyFile(path)
    with pytest.raises(Refused):
        await file.caller(KEY)

    path.write_text(f"keys:\n  - {{id: '{ID}', sha256: '{HASH}', roles: [Agents.Viewer]}}\n")
    await file.refresh()
    assert (await file.caller(KEY)).roles == (Role.VIEWER,)

    path.write_text("keys: 7\n")
    await file.refresh()
    await file.refresh()
    assert (await file.caller(KEY)).roles == (Role.VIEWER,)
    assert len([record for record in caplog.records if "stay in use" in record.message]) == 1

    path.unlink()
    await file.refresh()
    assert "stay in use" in caplog.records[-1].message
    assert "No such file" in caplog.records[-1].message

    path.write_text("keys: []\n")
    await file.refresh()
    with pytest.raises(Refused):
        await file.caller(KEY)
