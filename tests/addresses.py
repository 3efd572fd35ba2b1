"""
Every address of the application, from the URLconf itself: a name that is missing here fails the tests that visit all.

`PAGES` are looked at, `ACTIONS` are posted to; each says which role it needs at least.
"""

from django.urls import URLPattern, URLResolver, get_resolver, reverse

ANYONE, SIGNED_IN, VIEWER, CURATOR, ADMIN, SUPERUSER = (
    "anyone",
    "signed-in",
    "viewer",
    "curator",
    "admin",
    "superuser",
)

PAGES = {
    "login": ANYONE,
    "login-link": ANYONE,
    "set-password": ANYONE,
    "home": SIGNED_IN,
    "account": SIGNED_IN,
    "api-page": SIGNED_IN,
    "dashboard": VIEWER,
    "sources": VIEWER,
    "source-new": CURATOR,
    "source": VIEWER,
    "source-mapping": CURATOR,
    "source-errors": VIEWER,
    "benchmarks": VIEWER,
    "datasets": VIEWER,
    "dataset": VIEWER,
    "version": VIEWER,
    "version-columns": VIEWER,
    "version-checks": VIEWER,
    "version-files": VIEWER,
    "version-uses": VIEWER,
    "version-compare": VIEWER,
    "row": VIEWER,
    "decontamination": VIEWER,
    "scan-new": CURATOR,
    "scan": VIEWER,
    "matches": VIEWER,
    "review": VIEWER,
    "review-pair": VIEWER,
    "agreement": VIEWER,
    "scan-against": VIEWER,
    "apply-preview": VIEWER,
    "rules": VIEWER,
    "rule-new": CURATOR,
    "policy": VIEWER,
    "catalogue": VIEWER,
    "taint": VIEWER,
    "dedupe-new": CURATOR,
    "clusters": VIEWER,
    "certificate": VIEWER,
    "certificate-json": VIEWER,
    "scan-report": VIEWER,
    "mixtures": VIEWER,
    "mixture-new": CURATOR,
    "mixture": VIEWER,
    "mixture-edit": CURATOR,
    "mixture-totals": VIEWER,
    "recipes": VIEWER,
    "recipe": VIEWER,
    "mixture-diff": VIEWER,
    "mixture-refresh": CURATOR,
    "mixer-import": CURATOR,
    "mixer-export": VIEWER,
    "exports": VIEWER,
    "export-new": CURATOR,
    "export": VIEWER,
    "export-row": VIEWER,
    "export-file": VIEWER,
    "by-link": ANYONE,
    "runs": VIEWER,
    "run": VIEWER,
    "run-progress": VIEWER,
    "run-parts": VIEWER,
    "people": VIEWER,
    "audit": VIEWER,
    "settings": VIEWER,
    "tokens": VIEWER,
    "endpoints": ADMIN,
}
ACTIONS = {
    "project-new": SUPERUSER,
    "logout": SIGNED_IN,
    "source-change": CURATOR,
    "source-preview": CURATOR,
    "source-look": CURATOR,
    "source-import": CURATOR,
    "version-profile": CURATOR,
    "rule-match": CURATOR,
    "rule-many": CURATOR,
    "undo-ruling": CURATOR,
    "apply": CURATOR,
    "ask-model": CURATOR,
    "rule-turn": CURATOR,
    "policy-change": CURATOR,
    "catalogue-register": CURATOR,
    "export-scan": CURATOR,
    "rescan": CURATOR,
    "rescan-benchmark": CURATOR,
    "mixture-build": CURATOR,
    "export-withdraw": CURATOR,
    "turn-run": CURATOR,
    "invite": ADMIN,
    "member-role": ADMIN,
    "member-remove": ADMIN,
    "member-link": ADMIN,
    "settings-change": ADMIN,
    "endpoint-new": ADMIN,
    "endpoint-try": ADMIN,
    "endpoint-remove": ADMIN,
    "link-new": VIEWER,
    "link-revoke": ADMIN,
    "links-revoke": VIEWER,
    "token-new": VIEWER,
    "token-revoke": ADMIN,
}
FRAGMENTS = {
    "review-pair",
    "mixture-totals",
    "mixer-export",
    "run-progress",
    "run-parts",
    "version-columns",
    "certificate-json",
    "scan-report",
    "export-file",
    "by-link",
}


def named() -> set[str]:
    """The names of all addresses outside the admin site and the API."""
    return set(_names(get_resolver().url_patterns))


def _names(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace is None:
            yield from _names(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield pattern.name


def address(name: str, made) -> str:
    """The address of that name in a populated project."""
    own = {
        "rescan-benchmark": {"name": "quiz"},
        "catalogue-register": {"key": "gsm8k"},
        "export-scan": {"mixture": "first", "number": 1},
        "taint": {"name": "chats-removed", "number": 1},
        "row": {"name": "chats", "number": 1, "record_id": made.record_id},
        "scan-against": {"pk": made.scan.pk, "other": made.scan.pk},
        "review-pair": {"pk": made.scan.pk, "seq": 1},
        "rule-match": {"pk": made.scan.pk, "seq": 1},
        "turn-run": {"pk": made.run.pk, "verb": "cancel"},
        "recipe": {"name": "tulu-3-sft"},
        "export-new": {"mixture": "first"},
        "export": {"mixture": "first", "number": 1},
        "export-row": {"mixture": "first", "number": 1},
        "export-withdraw": {"mixture": "first", "number": 1},
        "export-file": {"mixture": "first", "number": 1, "path": "README.md"},
        "set-password": {"uidb64": "MQ", "token": "spent-token"},
        "rule-turn": {"pk": made.rule.pk},
        "clusters": {"pk": made.dedupe.pk},
        "certificate": {"pk": made.check.pk},
        "certificate-json": {"pk": made.check.pk},
        "token-revoke": {"pk": made.token.pk},
        "link-new": {"mixture": "first", "number": 1},
        "link-revoke": {"pk": made.link.pk},
        "by-link": {"signed": made.link.signed, "folder": "first-1", "path": "README.md"},
        **{name: {"pk": made.endpoint.pk} for name in ("endpoint-try", "endpoint-remove")},
        **{name: {"pk": made.run.pk} for name in ("run", "run-progress", "run-parts")},
        **{name: {"pk": made.scan.pk} for name in SCANS},
        **{name: {"pk": made.member.pk} for name in ("member-role", "member-remove", "member-link")},
        **{name: {"name": "first"} for name in MIXTURES},
        **{name: {"name": "chats"} for name in SOURCES},
        **{name: {"name": "chats", "number": 1} for name in VERSIONS},
    }.get(name, {})
    if name in WITHOUT_PROJECT:
        return reverse(name, kwargs=own)
    return reverse(name, kwargs={"project": made.project.name, **own})


MIXTURES = ("mixture", "mixture-edit", "mixture-build", "mixture-diff", "mixture-refresh", "mixer-export")
SCANS = (
    "scan",
    "matches",
    "review",
    "rule-many",
    "undo-ruling",
    "agreement",
    "rule-new",
    "apply-preview",
    "apply",
    "scan-report",
    "ask-model",
    "rescan",
)
SOURCES = (
    "source",
    "source-mapping",
    "source-change",
    "source-preview",
    "source-look",
    "source-import",
    "source-errors",
    "dataset",
)
VERSIONS = (
    "version",
    "version-columns",
    "version-checks",
    "version-files",
    "version-uses",
    "version-compare",
    "version-profile",
)
WITHOUT_PROJECT = {
    "login",
    "login-link",
    "set-password",
    "home",
    "account",
    "api-page",
    "project-new",
    "logout",
    "by-link",
}
