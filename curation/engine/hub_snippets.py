"""
How to read an export through the Hub-compatible address and by a link without a password: text to copy.

`HF_ENDPOINT` is read once, when huggingface_hub is imported (`constants.py`), hence it is set for the command.
"""

import json
import posixpath
import re
from dataclasses import dataclass

from curation.engine.snippets import Loading, Snippet

HUB_NOTE = (
    "Set HF_ENDPOINT for this command alone: models and other data sets are asked for here as well, in vain."
)
LINK_NOTE = "Whoever has this address reads the files until the link ends. It stays the same until then."


@dataclass(frozen=True, slots=True)
class Reach:
    """
    Where else an export is read: `endpoint` is the address of the Hub, `repository` its name there, `revision` the
    export, and `link` what the paths of files are added to, "" where its reader has made none.
    """

    endpoint: str
    repository: str
    revision: str
    link: str = ""


def hub_snippets(loading: Loading, reach: Reach) -> list[Snippet]:
    """The Hub first, then the link, then plain downloads; nothing for a profile without files."""
    if not loading.files:
        return []
    found = [as_hub(loading, reach), snapshot(reach)] if _hub_name(reach.repository) else []
    if reach.link:
        found.append(by_link(loading, reach))
    if reach.link and loading.profile == "sft_messages":
        found.append(axolotl(loading, reach))
    return [*found, resumed(loading, reach)]


def _hub_name(repository: str) -> bool:
    """Whether huggingface_hub takes the name (`utils/_validators.py`); ours may be longer and stranger."""
    good = re.fullmatch(r"[A-Za-z0-9]([\w-]{0,94}[A-Za-z0-9])?", repository.partition("/")[2], re.ASCII)
    return bool(good) and len(repository) <= 96 and "--" not in repository and not repository.startswith("-")


def as_hub(loading: Loading, reach: Reach) -> Snippet:
    """By its config, or, for JSON lines, which a card beside Parquet does not list, by its files."""
    what = f'"{reach.repository}", "{loading.profile}", revision="{reach.revision}"'
    if loading.kind == "json":
        files = f"{posixpath.dirname(loading.files[0])}/*.jsonl"
        what = f'"json", data_files="hf://datasets/{reach.repository}@{reach.revision}/{files}"'
    program = (
        f"from datasets import load_dataset\n\n{loading.profile} = load_dataset(\n"
        f'    {what}, split="train"\n)'
    )
    code = f"HF_ENDPOINT={reach.endpoint} HF_TOKEN=$WINNOW_TOKEN python - <<'EOF'\n{program}\nEOF"
    return Snippet("datasets", "as from the Hub", code, HUB_NOTE)


def snapshot(reach: Reach) -> Snippet:
    code = (
        f"HF_ENDPOINT={reach.endpoint} HF_TOKEN=$WINNOW_TOKEN hf download {reach.repository} \\\n"
        f"  --repo-type dataset --revision {reach.revision} --local-dir {reach.repository.partition('/')[2]}"
    )
    return Snippet("hf", "downloads every file", code, HUB_NOTE)


def by_link(loading: Loading, reach: Reach) -> Snippet:
    files = json.dumps(list(loading.files), indent=4)
    code = (
        f'from datasets import load_dataset\n\naddress = "{reach.link}"\nfiles = {files}\n'
        f'{loading.profile} = load_dataset(\n    "{loading.kind}",\n'
        '    data_files=[address + file for file in files],\n    split="train",\n)'
    )
    return Snippet("datasets", "by a link", code, LINK_NOTE)


def axolotl(loading: Loading, reach: Reach) -> Snippet:
    code = "datasets:" + "".join(
        f"\n  - path: {reach.link}{file}\n    ds_type: {loading.kind}\n    split: train\n"
        "    type: chat_template\n    field_messages: messages"
        for file in loading.files
    )
    return Snippet("Axolotl", "by a link", code, LINK_NOTE)


def resumed(loading: Loading, reach: Reach) -> Snippet:
    path = loading.files[0]
    header = "" if reach.link else '-H "Authorization: Bearer $WINNOW_TOKEN" '
    code = f"curl -fL -C - -O {header}{reach.link or loading.address}{path}"
    return Snippet(
        "curl", "goes on with a broken download", code, "Run it again until it ends without an error."
    )
