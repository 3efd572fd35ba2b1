"""
Exports as a Hub shows data sets, for programs that know no other: `HF_ENDPOINT=https://host/hf`.

A mixture is a repository `project/mixture`, its exports are the revisions, always private. Read from the sources of
huggingface_hub 2.4 and datasets 5.2. What is not ours is not found; nothing is asked of any other Hub.
"""
