"""Projects of a test's own on the running site."""

import json
from types import SimpleNamespace

KEYS = ("run", "scan", "look", "dedupe", "check", "rule", "token", "endpoint", "member", "link")


def populated(site, name: str, **texts: list[str]) -> SimpleNamespace:
    """A project that has one of everything, for `tests.addresses.address`; `texts` are those that `populate` takes."""
    folder = site.home / name
    folder.mkdir()
    (folder / "texts.json").write_text(json.dumps(texts))
    told = json.loads(site.shell(POPULATE.format(folder=str(folder), name=name)).splitlines()[-1])
    made = {key: SimpleNamespace(pk=told[key]) for key in KEYS}
    made["link"].signed = told["signed"]
    return SimpleNamespace(project=SimpleNamespace(name=name), record_id=told["record_id"], **made)


def ask(site, code: str):
    """What `code` prints last, as JSON."""
    return json.loads(site.shell(code).splitlines()[-1])


POPULATE = """
import json
from pathlib import Path
from curation.models import Project, shell_user
from tests.populating import populate
folder = Path({folder!r})
texts = json.loads((folder / "texts.json").read_text())
made = populate(Project.objects.open({name!r})[0], shell_user(), folder, **texts)
own = ("run", "scan", "look", "dedupe", "check", "rule", "token", "endpoint", "link")
keys = {{key: getattr(made, key).pk for key in own}}
print(json.dumps(keys | {{"member": 1, "record_id": made.record_id, "signed": made.link.signed}}))
"""
