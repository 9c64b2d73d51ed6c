"""Which origins a setting can name: only such as a browser would ever send."""

from __future__ import annotations

import pytest

from infrastructure.host.origins import read_origins


@pytest.mark.parametrize(
    "origin",
    [
        "https://studio.example",
        "http://localhost:3000",
        "https://a:65535",
        "https://xn--bcher-kva.example",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "https://a.example:80",
    ],
)
def test_an_origin_of_a_browser_is_taken_as_it_is(origin: str) -> None:
    assert read_origins(origin) == origin
    assert read_origins(f" {origin} , https://b.example") == f"{origin},https://b.example"


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        ("https://a:99999", "has a port that is none"),
        ("https://a:65536", "has a port that is none"),
        ("https://a:0", "has a port that is none"),
        ("https://a:08080", "has a port that is none"),
        ("https://a:" + "9" * 5000, "has a port that is none"),
        ("https://a:", "is not scheme://host or scheme://host:port"),
        ("https://a:8080/", "is not scheme://host"),
        ("https://a/b", "is not scheme://host"),
        ("https://a?b", "is not scheme://host"),
        ("https://a#b", "is not scheme://host"),
        ("https://me:pass@a", "is not scheme://host"),
        ("https://", "is not scheme://host"),
        ("ftp://a", "is not scheme://host"),
        ("//a", "is not scheme://host"),
        ("https://A", "is not scheme://host"),
        ("", "is not scheme://host"),
        ("*", "is not scheme://host"),
        ("https://...", "has a host that is neither"),
        ("https://a..b", "has a host that is neither"),
        ("https://-a", "has a host that is neither"),
        ("https://a-.example", "has a host that is neither"),
        ("https://999.1.1.1", "has a host that is neither"),
        ("https://[::::]", "has a host that is neither"),
        ("https://[0:0:0:0:0:0:0:1]", "has a host that is neither"),
        ("https://[127.0.0.1]", "has a host that is neither"),
        ("https://a.example:443", "names the port 443, which browsers leave out with https: leave it out"),
        ("http://a.example:80", "names the port 80, which browsers leave out with http"),
    ],
)
def test_what_no_browser_sends_is_refused_by_its_place_and_never_repeated(origin: str, why: str) -> None:
    with pytest.raises(ValueError, match="There is no") as refused:
        read_origins(f"https://b.example,{origin}")
    assert f"Number 2 {why}" in str(refused.value)
    assert "pass" not in str(refused.value)
