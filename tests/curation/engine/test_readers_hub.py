"""Datasets on the Hub: pinned, listed, fetched, or refused in a sentence."""

import pytest
from huggingface_hub import HfApi

from curation.engine.errors import BadInput
from curation.engine.readers import looks_like_eval_split
from curation.engine.readers.hub import fetch, resolve
from tests.curation.engine.fake_hub import NEW, OLD, FakeHub
from tests.curation.engine.making import rows


class TestHub:
    @pytest.fixture
    def hub(self):
        with FakeHub() as hub:
            yield hub

    @pytest.fixture
    def api(self, hub):
        return HfApi(endpoint=hub.endpoint, token=False)

    def test_a_branch_is_pinned_to_its_commit_and_only_data_files_are_listed(self, api):
        source = resolve("team/colours", None, api)
        assert (source.commit, source.licence) == (NEW, "cc-by-4.0")
        assert [(file.name, file.size) for file in source.files] == [
            ("data/test.csv", 44),
            ("data/train.jsonl", 59),
        ]
        assert source.ignored == ("README.md", "colours.py", "dataset_infos.json")

    def test_fetching_takes_the_pinned_commit_and_never_a_script(self, hub, api, tmp_path):
        files = fetch(resolve("team/colours", OLD, api), api, cache=tmp_path)
        assert [file.name for file in files] == ["data/test.csv", "data/train.jsonl"]
        assert rows(files[1]) == [{"question": "What colour is the sky?", "answer": "blue"}]
        assert not any(path.endswith(".py") for path in hub.asked)
        assert all(OLD in path for path in hub.asked)
        assert looks_like_eval_split(files[0].name) == "test"

    def test_a_part_can_be_fetched_and_progress_is_told(self, api, tmp_path):
        told = []
        fetch(
            resolve("team/colours", None, api),
            api,
            names=["data/train.jsonl"],
            cache=tmp_path,
            progress=lambda *at: told.append(at),
        )
        assert told == [(0, 1), (1, 1)]

    @pytest.mark.parametrize(
        ("repo", "revision", "sentence"),
        [
            ("team/nothing", None, "There is no dataset team/nothing on the Hub"),
            ("team/locked", None, "team/locked is gated: accept its terms"),
            ("team/colours", "v9", "team/colours has no revision v9"),
            ("no/such/name", None, "no name of a repository"),
        ],
    )
    def test_what_is_wrong_is_said_in_a_sentence(self, api, repo, revision, sentence):
        with pytest.raises(BadInput, match=sentence):
            resolve(repo, revision, api)

    def test_a_hub_out_of_reach_is_said(self, hub, api, tmp_path, monkeypatch):
        source = resolve("team/colours", None, api)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(BadInput, match="has not been downloaded before"):
            fetch(source, api, cache=tmp_path)
        monkeypatch.undo()
        hub.__exit__()
        with pytest.raises(BadInput, match="cannot be reached for team/colours"):
            resolve("team/colours", None, api)
        hub.__enter__()
