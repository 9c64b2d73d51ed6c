"""Credentials that have a form: what their issuers write so that they can be found. What has none is not found.

One list for logs, cassettes and guardrails. The forms are those of the issuers' documentation as gitleaks collects them
(https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml). Every pattern is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SecretForm:
    """`needs`: one of these it cannot be without; to look for a word is many times cheaper than to look for a pattern.

    `whole` is the credential as it is issued, `begun` also one that was cut short or made up, where hiding too much does no
    harm; None: as `whole`.
    """

    name: str
    needs: tuple[str, ...]
    whole: str
    begun: str | None = None


SECRET_FORMS: Final = (
    SecretForm("AWS access key id", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    SecretForm(
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_[A-Za-z0-9_]{22,255}\b",
        r"\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}",
    ),
    SecretForm("GitLab token", ("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20,64}\b", r"\bglpat-[\w-]{8,}"),
    SecretForm("Slack token", ("xox",), r"\bxox[abeprs]-[A-Za-z0-9-]{10,250}\b", r"\bxox[abeprs]-[\w-]{8,}"),
    SecretForm("Google API key", ("AIza",), r"\bAIza[0-9A-Za-z_-]{35}\b", r"\bAIza[\w-]{30,}"),
    SecretForm("Stripe key", ("k_live_", "k_test_"), r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,99}\b"),
    SecretForm(
        "OpenAI or Anthropic key",
        ("sk-", "pk-", "rk-"),
        r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,200}\b",
        r"\b[spr]k-[\w-]{8,}",
    ),
    SecretForm(
        "registry token",
        ("npm_", "pypi-"),
        r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,250}\b",
        r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,}",
    ),
    SecretForm(
        "API key of an agent",
        ("agk_",),
        r"\bagk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}",
        r"\bagk_[\w-]{12,}",
    ),
    SecretForm(
        "private key",
        ("PRIVATE KEY",),
        r"-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s]{0,8000}-----END [A-Z ]{0,30}-----)?",
        r"(?s:-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.{0,8000}?-----END [A-Z ]{0,40}PRIVATE KEY-----)",
    ),
    SecretForm(
        "JSON Web Token",
        ("eyJ",),
        r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}",
        r"\beyJ[\w-]{8,2000}\.[\w-]{8,4000}\.[\w-]*",
    ),
    SecretForm(
        "Azure storage or bus key",
        ("Key=",),
        r"(?<=AccountKey=)[A-Za-z0-9+/]{43,88}={0,2}|(?<=SharedAccessKey=)[A-Za-z0-9+/]{43}=",
    ),
    SecretForm("Azure SAS", ("sig=",), r"(?<=[?&]sig=)[A-Za-z0-9%]{43,90}"),
    SecretForm("user:password@host", ("://",), r"(?<=://)[^\s/:@]{1,64}:[^\s/:@]{3,64}(?=@[\w.-])"),
)


def secrets_in(text: str, *, begun: bool = False) -> Iterator[re.Match[str]]:
    """Each credential of these forms; two that overlap are both given. `begun` as in `SecretForm`."""
    for form in SECRET_FORMS:
        if any(need in text for need in form.needs):
            pattern = form.begun or form.whole if begun else form.whole
            yield from re.finditer(pattern, text)


def hide_secrets(text: str, mask: str, *, begun: bool = False) -> str:
    """The text with each of them replaced."""
    for form in SECRET_FORMS:
        if any(need in text for need in form.needs):
            text = re.sub(form.begun or form.whole if begun else form.whole, mask, text)
    return text
