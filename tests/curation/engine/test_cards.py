import hashlib
import json
from dataclasses import replace

import datasets
import pyarrow as pa
import pytest
import yaml

from curation.engine.cards import (
    Benchmark,
    Build,
    Config,
    Decontamination,
    File,
    Input,
    Source,
    card,
    croissant,
    manifest,
    manifest_hash,
    showable,
)
from curation.engine.errors import BadConfig
from curation.engine.exporters import (
    PROFILES,
    Exporter,
    Skips,
    provenance,
    shard_path,
    survey,
    write_jsonl,
    write_parquet,
)
from curation.engine.mixing import Component, Recipe
from curation.engine.records import Completion, Content, Message, Record, record_id, to_batch

ASK = Message("user", "Is it?")
CALL = '[{"id":"c","type":"function","function":{"name":"f","arguments":{"a":1}}}]'
SOME = {name: PROFILES[name] for name in ("sft_messages", "pref_explicit", "unpaired", "prompts")}
RECIPE = Recipe("demo-mix", 42, (Component("ecqa-clean@1", rows=3), Component("gpteacher@4", fraction=1.0)))
SKIPPED = {"has no user turn": 2, "has no messages": 1}
SOURCES = (
    Source("ecqa", "https://example.org/ecqa.tsv", "e9e4ec6", "Apache-2.0", 3),
    Source("gpteacher", "teknium/GPTeacher", "4810751", "CC BY-NC 4.0", 1000, hub="teknium/GPTeacher"),
)
SEARCHED = Decontamination(
    benchmarks=(Benchmark("gsm8k", 1319, 2, 1234, 5, 5), Benchmark("empty", 0, 0, 0, 0, 0)),
    looked_for=("verbatim 8-grams", "MinHash"),
    not_looked_for=("paraphrase",),
    weak={"shorter than 8 words": 12},
    certificates=("c" * 64,),
)


def built(**changes):
    """An export of one profile, as facts only."""
    schema = Exporter(PROFILES["prompts"], frozenset({"answer"})).schema
    facts = Build(
        recipe=RECIPE,
        number=3,
        rows=1003,
        inputs=(Input("ecqa-clean@1", "a" * 64, 3), Input("gpteacher@4", "b" * 64, 1000)),
        sources=SOURCES,
        configs=(Config("prompts", schema, Skips(SKIPPED, {"has no messages": ("f" * 32,)})),),
        files=(
            File("prompts/data/train-00000-of-00002.parquet", 600, 5000, 9000, "1" * 64, "prompts"),
            File("prompts/data/train-00001-of-00002.parquet", 400, 4000, 8000, "2" * 64, "prompts"),
            File("prompts/data/train-00000-of-00001.jsonl", 1000, 20000, 20000, "3" * 64, "prompts"),
            File("provenance.parquet", 1003, 100, 200, "4" * 64),
        ),
        code="0.1.0+abc",
        decontamination=SEARCHED,
        removed={"gsm8k, 8-gram": 5},
    )
    return replace(facts, **changes)


def front(text):
    return yaml.safe_load(text.split("---\n")[1])


def test_the_front_matter_is_what_the_hub_reads():
    found = front(card(built(title="Demo mix", languages=("en",), tags=("math",))))
    assert found == {
        "license": "cc-by-nc-4.0",
        "license_details": "apache-2.0, cc-by-nc-4.0",
        "pretty_name": "Demo mix",
        "language": ["en"],
        "annotations_creators": ["found"],
        "source_datasets": ["teknium/GPTeacher"],
        "tags": ["winnow", "math"],
        "task_categories": ["reinforcement-learning"],
        "size_categories": ["1K<n<10K"],
        "configs": [
            {
                "config_name": "prompts",
                "default": True,
                "data_files": [{"split": "train", "path": "prompts/data/train-*.parquet"}],
            }
        ],
        "dataset_info": [
            {
                "config_name": "prompts",
                "features": [
                    {
                        "name": "prompt",
                        "list": [
                            {"name": "role", "dtype": "string"},
                            {"name": "content", "dtype": "string"},
                        ],
                    },
                    {"name": "answer", "dtype": "string"},
                    {"name": "id", "dtype": "string"},
                ],
                "splits": [{"name": "train", "num_bytes": 17000, "num_examples": 1000}],
                "download_size": 9000,
                "dataset_size": 17000,
            }
        ],
    }


def test_the_card_says_what_it_is_and_where_it_is_from():
    text = card(built())
    assert "# demo-mix\n" in text
    assert "Export 3 of the mixture `demo-mix`: 1,003 rows from 2 sources, seed 42." in text
    assert "| prompts | train | 1,000 | 2 | 9,000 | 3 |" in text
    assert "| ecqa | https://example.org/ecqa.tsv | e9e4ec6 | Apache-2.0 | 3 | 0.3 % |" in text
    assert "| on the way | gsm8k, 8-gram | 5 |" in text
    assert "| prompts | has no user turn | 2 |" in text
    assert 'prompts = load_dataset("path/to/this/folder", "prompts", split="train")' in text
    assert "- dataset: ecqa-clean@1\n  rows: 3\n" in text
    assert f"| ecqa-clean@1 | {'a' * 64} | 3 |" in text


def test_the_card_says_what_was_looked_for_and_what_was_not():
    text = card(built())
    assert "| gsm8k | 1,319 | 2 (0.15 %) | 1,234 | 5 (0.41 %) | 5 |" in text
    assert "| empty | 0 | 0 | 0 | 0 | 0 |" in text
    assert "Looked for: verbatim 8-grams, MinHash. Not yet looked for: paraphrase." in text
    assert "Weakly checked items: 12 (shorter than 8 words)." in text
    assert "was not compared with any benchmark" in card(built(decontamination=None))


def test_the_card_says_which_licence_it_inherits_and_why():
    text = card(built())
    assert "**cc-by-nc-4.0**, because 1,000 rows of gpteacher are under it." in text
    assert "- No commercial use (cc-by-nc-4.0)." in text
    own = Source("chats", "chats.jsonl", "", "mit", 10, own={"OpenAI terms": 4})
    text = card(built(sources=(own,)))
    assert "**openai-terms**, because 4 rows of chats are under it." in text
    assert (front(text)["license"], front(text)["license_name"]) == ("other", "openai-terms")
    wiki = Source("wiki", "wiki.jsonl", "", "cc-by-sa-4.0", 10)
    text = card(built(sources=(wiki, SOURCES[1])))
    assert "**Contradiction.** cc-by-sa-4.0 wants the whole to be free for commercial use" in text
    assert "Its licences contradict each other; it is not for publishing as one dataset." in text


def test_the_card_names_the_models_that_wrote():
    text = card(built(models={"gpt-<4>": 12}))
    assert "Written by models: gpt-&lt;4&gt; (12 completions)." in text
    assert front(text)["annotations_creators"] == ["machine-generated", "found"]
    assert "Models wrote some texts" in text


def test_sample_rows_are_quotations_and_only_of_what_was_compared():
    row = {"id": "ab", "prompt": [{"role": "user", "content": "# Hi\n<b>" + "x" * 500}], "answer": "4"}
    (config,) = built().configs
    text = card(
        built(configs=(replace(config, samples=(row,), warnings=Skips({"ends without an answer": 2})),))
    )
    assert "Row `ab`:\n\n> **prompt: user** # Hi &lt;b&gt;xxx" in text and "x …" in text
    assert "x" * 401 not in text and "> **answer** 4" in text
    assert "| prompts | ends without an answer | 2 |" in text
    assert "## Sample rows" not in card(built())
    assert "might be one of their items" in card(built(decontamination=None))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("What is a token?", True),
        ("x" * 2000, False),
        ("my key is sk-abcdefghijklmnopqrstu", False),
        ("write to jane.doe@example.org", False),
        ("password: hunter2222", False),
        ("-----BEGIN RSA PRIVATE KEY", False),
    ],
)
def test_rows_with_secrets_or_of_great_length_are_not_shown(said, shown):
    assert showable({"id": "a", "text": said}) is shown


def test_an_override_stands_in_card_and_manifest():
    build = built(override="Needed for the <demo>")
    assert "**Exported without a passing check.** The reason given: Needed for the &lt;demo&gt;" in card(
        build
    )
    assert json.loads(manifest(build))["override"] == "Needed for the <demo>"


def test_words_of_others_start_no_markup():
    nasty = Source("a|b", "`x` [y](javascript:z)\n# h", "<script>\\|", None, 1)
    text = card(built(sources=(nasty,), about="![i](http://x)\n\n## Fake"))
    assert r"| a\|b | \`x\` \[y\](javascript:z) # h | &lt;script&gt;\\\| | unknown, ask | 1 |" in text
    assert r"!\[i\](http://x) ## Fake" in text
    assert front(text)["license"] == "unknown"


def test_the_manifest_is_canonical():
    build = built()
    made = manifest(build)
    found = json.loads(made)
    assert made == manifest(replace(build, files=build.files[::-1]))
    assert list(found) == sorted(found)
    assert manifest_hash(made) == hashlib.sha256(made).hexdigest()
    assert [file["path"] for file in found["files"]] == sorted(file.path for file in build.files)
    assert found["recipe"]["components"][0]["dataset"] == "ecqa-clean@1"
    assert (found["seed"], found["rows"], found["number"], found["code"]) == (42, 1003, 3, "0.1.0+abc")
    assert found["configs"]["prompts"]["skips"]["counts"] == SKIPPED
    assert found["configs"]["prompts"]["rows"] == 1000
    assert found["configs"]["prompts"]["columns"]["answer"] == "string"
    assert found["sources"][0]["revision"] == "e9e4ec6"
    assert found["inputs"][1] == {"dataset": "gpteacher@4", "content_hash": "b" * 64, "rows": 1000}
    assert found["decontamination"]["certificates"] == ["c" * 64]
    assert found["pyarrow"] == pa.__version__


def test_the_manifest_covers_the_card():
    build = built()
    readme = File("README.md", 0, 10, 10, "5" * 64)
    assert json.loads(manifest(build, [readme]))["files"][0]["path"] == "README.md"
    assert manifest_hash(manifest(build, [readme])) != manifest_hash(manifest(build))


def test_a_profile_without_files_is_refused():
    with pytest.raises(BadConfig, match="no file of its profile prompts"):
        built(files=())


def rows():
    sides = (
        Completion("a", (Message("assistant", "Yes."),)),
        Completion("b", (Message("assistant", None, tool_calls=CALL),)),
    )
    contents = [
        Content((ASK,), sides, n % 2, 1 - n % 2, ground_truth=str(n), tools='[{"a":1}]') for n in range(9)
    ]
    return to_batch([Record(record_id("src", str(n)), "src", content) for n, content in enumerate(contents)])


def export(folder, shards=2):
    """A whole export of some profiles in a folder, as a run would make it."""
    batch, files, configs = rows(), [], []
    for profile in SOME.values():
        exporter, skips = Exporter(profile, survey(profile, batch).features), Skips()
        for index in range(shards):
            part, skipped = exporter.to_batch(batch.slice(index * 5, 5))
            skips += skipped
            for write, suffix in ((write_parquet, "parquet"), (write_jsonl, "jsonl")):
                path = shard_path("train", index, shards, profile=profile.name, suffix=suffix)
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                told = write(folder / path, [part], exporter.schema)
                files.append(File(path, told.rows, told.bytes, told.raw_bytes, told.sha256, profile.name))
        configs.append(Config(profile.name, exporter.schema, skips))
    origin = provenance(batch, ["ecqa-clean@1"], pa.array([0] * 9).to_numpy())
    told = write_parquet(folder / "provenance.parquet", [origin], origin.schema)
    files.append(File("provenance.parquet", told.rows, told.bytes, told.raw_bytes, told.sha256))
    build = built(configs=tuple(configs), files=tuple(files), rows=9)
    (folder / "README.md").write_text(card(build))
    (folder / "croissant.json").write_bytes(croissant(build))
    (folder / "manifest.json").write_bytes(manifest(build))
    return batch


def test_a_whole_export_is_loaded_by_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    folder = tmp_path / "export"
    folder.mkdir()
    batch = export(folder)
    assert datasets.get_dataset_config_names(str(folder)) == list(SOME)
    for profile in SOME.values():
        exporter = Exporter(profile, survey(profile, batch).features)
        found = datasets.load_dataset(str(folder), profile.name, cache_dir=str(tmp_path / "cache"))
        assert list(found) == ["train"]
        assert found["train"].to_list() == exporter.to_batch(batch)[0].to_pylist()
        plain = datasets.Features.from_arrow_schema(exporter.schema)
        assert found["train"].features == plain


def test_an_export_is_the_same_in_any_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    export(tmp_path / "a")
    export(tmp_path / "b")
    for path in sorted(p for p in (tmp_path / "a").rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
