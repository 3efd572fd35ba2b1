"""One small corpus whose right answers are known by hand, taken through every stage by the commands."""

import json
from io import StringIO
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from django.core.management import CommandError, call_command

from curation.models import Check, Event, Export, Run, Version

LEAKED = "how many legs does a healthy adult spider normally have in all"
ITEMS = [LEAKED, "what colour is an unripe tomato on the vine in early spring", "name a planet"]
CHATS = [
    f"So {LEAKED.upper()}? I forgot.",
    "how many legs does a chair have",
    "Please name a planet for me",
    "NAME a planet!",
    "tell me about the tides and the moon",
]


def told(*args, **options):
    out = StringIO()
    call_command(*args, as_json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def imported(db, tmp_path):
    chats = [
        {"messages": [{"role": "user", "content": chat}, {"role": "assistant", "content": "Gladly."}]}
        for chat in CHATS
    ]
    told("import", lines(tmp_path / "chats.jsonl", chats), name="chats", licence="cc0-1.0")
    told("benchmark", lines(tmp_path / "quiz.jsonl", [{"question": item} for item in ITEMS]), name="quiz")


@pytest.fixture
def scanned(imported):
    return told("scan", "chats", against=["quiz"])


@pytest.fixture
def mixed(scanned, tmp_path):
    told("apply", scanned["run"])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: first\nseed: 3\ncomponents:\n- dataset: chats-clean\n  fraction: 1.0\n")
    return told("mix", str(recipe))


def rows(version):
    return [row for batch in version.batches() for row in batch.to_pylist()]


def test_the_scan_finds_the_quotation_and_the_short_item_that_is_equal(scanned):
    assert (scanned["matches"], scanned["benchmark_items_hit"], scanned["training_rows_hit"]) == (2, 2, 2)
    assert scanned["rows_read"] == 5
    (line,) = scanned["lines"]
    assert (line["items"], line["weakly_checked"], line["over_line"]) == (3, 1, True)
    found = rows(Version.objects.get(dataset__name="chats-matches"))
    assert {(match["method"], match["score"]) for match in found} == {("ngram", 1.0), ("exact", 1.0)}
    ngram = next(match for match in found if match["method"] == "ngram")
    (span,) = ngram["train_spans"]
    assert CHATS[0][span["start"] : span["end"]] == LEAKED.upper()
    assert sorted(match["seq"] for match in found) == [1, 2]


def test_a_scanned_version_with_matches_does_not_pass(scanned):
    check = Check.objects.get(version__dataset__name="chats")
    assert (check.status, check.summary) == ("failed", "2 rows match 1 benchmarks")


def test_applying_removes_the_two_rows_and_certifies_the_rest(scanned):
    applied = told("apply", scanned["run"])
    assert (applied["version"], applied["removed"], applied["rows"]) == ("chats-clean@1", 2, 3)
    assert applied["check"] == "passed"
    assert applied["certificate"]["benchmarks"][0]["items_hit"] == 2
    assert "quiz@1" in applied["certificate"]["recheck"]
    removed = rows(Version.objects.get(dataset__name="chats-removed"))
    assert [row["reason"][:16] for row in removed] == ["ngram match with", "exact match with"]


def test_a_clean_version_scans_clean(scanned):
    told("apply", scanned["run"])
    assert told("scan", "chats-clean", against=["quiz"])["matches"] == 0
    (check,) = Check.objects.standing(Version.objects.get(dataset__name="chats-clean"), "decontamination")
    assert check.status == "passed"


def test_a_false_alarm_stays(scanned):
    match = next(
        m for m in rows(Version.objects.get(dataset__name="chats-matches")) if m["method"] == "exact"
    )
    assert (
        told("rule", scanned["run"], seq=[match["seq"]], verdict="false-alarm", reason="a stock phrase")[
            "ruled"
        ]
        == 1
    )
    applied = told("apply", scanned["run"])
    assert (applied["removed"], applied["false_alarms"], applied["check"]) == (1, 1, "passed")
    assert match["record_id"] in [row["id"] for row in rows(Version.objects.get(dataset__name="chats-clean"))]
    steps = [step["what"] for step in told("story", "chats", match["record_id"])["steps"]]
    assert "ruled false alarm by shell: a stock phrase" in steps
    again = told("scan", "chats-clean", against=["quiz"])
    (check,) = Check.objects.standing(Version.objects.get(dataset__name="chats-clean"), "decontamination")
    assert (again["matches"], check.status, check.summary) == (
        1,
        "passed",
        "1 rows match 1 benchmarks, 1 of them cleared",
    )


def test_a_ruling_holds_for_the_next_scan_of_the_same_pair(scanned):
    told("rule", scanned["run"], benchmark="quiz", verdict="false-alarm")
    again = told("scan", "chats", against=["quiz"])
    assert told("apply", again["run"])["removed"] == 0


def test_with_the_policy_ruled_unruled_matches_stay_and_the_check_fails(scanned):
    applied = told("apply", scanned["run"], policy="ruled")
    assert (applied["removed"], applied["unruled_kept"], applied["check"]) == (0, 2, "failed")


def test_the_guard_refuses_to_remove_more_than_was_agreed_to(scanned):
    with pytest.raises(CommandError, match=r"would remove 2 of 5 rows \(40.0%\), more than the 10%"):
        told("apply", scanned["run"], max_removed=0.1)
    assert not Version.objects.filter(dataset__name="chats-clean").exists()


def test_the_mixture_holds_every_clean_row_once(mixed):
    assert (mixed["version"], mixed["rows"]) == ("first@1", 3)
    clean = rows(Version.objects.get(dataset__name="chats-clean"))
    assert sorted(row["id"] for row in rows(Version.objects.get(dataset__name="first"))) == sorted(
        r["id"] for r in clean
    )


def test_load_dataset_reads_the_export(mixed, tmp_path, monkeypatch):
    made = told("export", "first", profile=["sft_messages"], format=["parquet", "jsonl"])
    parquet, jsonl = (file["path"] for file in made["files"])
    cache = str(tmp_path / "cache")
    loaded = load_dataset("parquet", data_files=parquet, split="train", cache_dir=cache)
    assert sorted(row["messages"][0]["content"] for row in loaded) == sorted([CHATS[1], CHATS[2], CHATS[4]])
    assert (
        load_dataset("json", data_files=jsonl, split="train", cache_dir=cache).to_list() == loaded.to_list()
    )
    folder = load_dataset(made["path"], "sft_messages", split="train", cache_dir=cache)
    assert folder.to_list() == loaded.to_list()


def test_an_export_carries_its_card_manifest_certificate_and_provenance(mixed):
    made = told("export", "first")
    export = Export.objects.get()
    manifest = json.loads(export.run.parts.first().store.get(f"{export.folder}/manifest.json"))
    paths = [file["path"] for file in manifest["files"]]
    assert paths == [
        "README.md",
        "certificates.json",
        "croissant.json",
        "provenance/train-00000-of-00001.parquet",
        "sft_messages/data/train-00000-of-00001.parquet",
    ]
    assert {file["sha256"] for file in made["files"]} <= {file["sha256"] for file in manifest["files"]}
    provenance = pq.read_table(f"{made['path']}/provenance/train-00000-of-00001.parquet").to_pylist()
    assert {(row["dataset"], row["version"], row["source"]) for row in provenance} == {
        ("chats-clean", 1, "chats")
    }
    card = export.run.parts.first().store.get(f"{export.folder}/README.md")
    assert "quiz@1 in chats@1" in card and "cc0-1.0" in card
    assert not any(item in card for item in ITEMS)


def test_the_same_recipe_gives_the_same_bytes(mixed):
    first, second = told("export", "first"), told("export", "first")
    assert [file["sha256"] for file in first["files"]] == [file["sha256"] for file in second["files"]]
    assert (first["export"], second["export"]) == ("first export 1", "first export 2")


def test_without_a_passing_check_an_export_needs_a_reason_which_is_kept(imported, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: raw\nseed: 3\ncomponents:\n- dataset: chats\n  rows: 4\n")
    told("mix", str(recipe))
    with pytest.raises(CommandError, match="chats@1 has no decontamination check"):
        told("export", "raw")
    assert told("export", "raw", override="a dry run for the loader")["export"] == "raw export 1"
    detail = Event.objects.get(verb="exported").detail
    assert detail["override"] == "a dry run for the loader"
    assert detail["obstacles"] == ["chats@1 has no decontamination check"]
    assert Export.objects.get().override == "a dry run for the loader"


def test_a_new_benchmark_version_takes_the_right_to_export_away(mixed, tmp_path):
    quiz = lines(
        tmp_path / "quiz.jsonl", [{"question": item} for item in [*ITEMS, "one more question for the quiz"]]
    )
    told("benchmark", quiz, name="quiz")
    with pytest.raises(CommandError, match="is stale: a benchmark changed since"):
        told("export", "first")


def test_benchmarks_and_matches_are_never_mixed(scanned, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    for name in ("quiz", "chats-matches"):
        recipe.write_text(f"name: wrong\nseed: 3\ncomponents:\n- dataset: {name}\n  fraction: 1.0\n")
        with pytest.raises(CommandError, match="only records may be mixed"):
            told("mix", str(recipe))


def test_only_mixtures_are_exported(scanned):
    with pytest.raises(CommandError, match="export a mixture"):
        told("export", "quiz")


def test_the_story_of_a_removed_row_and_of_one_that_was_exported(mixed):
    told("export", "first")
    removed = rows(Version.objects.get(dataset__name="chats-removed"))[0]["record_id"]
    steps = [step["what"] for step in told("story", "chats", removed)["steps"]]
    assert steps[0] == "imported from chats.jsonl#1 of chats"
    assert steps[1].startswith("matches quiz item") and steps[2].startswith("removed: ngram match")
    kept = rows(Version.objects.get(dataset__name="first"))[0]["id"]
    steps = [step["what"] for step in told("story", "chats", kept)["steps"]]
    assert steps[1:] == [
        "kept when the scan was applied",
        "chosen for the mixture first",
        "in first export 1 as sft_messages (published)",
    ]


def test_purging_a_source_withdraws_what_was_made_of_it(mixed, django_capture_on_commit_callbacks):
    told("export", "first")
    with django_capture_on_commit_callbacks(execute=True):
        assert told("purge", "chats@1", reason="the licence was revoked")["withdrawn"] == ["first export 1"]
    version = Version.objects.get(dataset__name="chats")
    assert version.tombstone["reason"] == "the licence was revoked"
    assert Export.objects.get().status == "withdrawn"
    with pytest.raises(CommandError, match="chats@1 was purged: the licence was revoked"):
        told("scan", "chats@1", against=["quiz"])
    kept = rows(Version.objects.get(dataset__name="first"))[0]["id"]
    steps = [step["what"] for step in told("story", "first", kept)["steps"]]
    assert "purged: the licence was revoked" in steps and "chosen for the mixture first" in steps


def test_verify_names_the_shard_that_was_changed(mixed):
    assert told("verify")["faults"] == 0
    shard = Version.objects.get(dataset__name="chats").shards()[0]
    store = Run.objects.first().parts.first().store
    with open(store.full(shard.path), "ab") as file:
        file.write(b"x")
    with pytest.raises(CommandError, match=r"chats@1: .* has .* bytes and another hash"):
        told("verify")


def test_the_same_code_serves_an_object_store(settings, db, tmp_path):
    settings.STORE_URL = f"memory://{tmp_path.name}"
    chats = [{"prompt": chat, "completion": "Gladly."} for chat in CHATS]
    told("import", lines(tmp_path / "chats.jsonl", chats), name="chats")
    told("benchmark", lines(tmp_path / "quiz.jsonl", [{"question": item} for item in ITEMS]), name="quiz")
    told("apply", told("scan", "chats", against=["quiz"])["run"])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: first\nseed: 3\ncomponents:\n- dataset: chats-clean\n  fraction: 1.0\n")
    told("mix", str(recipe))
    made = told("export", "first")
    with fsspec.open(f"memory://{made['files'][0]['path']}") as file:
        assert pq.read_table(file).num_rows == 3
    assert told("verify")["faults"] == 0
    removed = rows(Version.objects.get(dataset__name="chats-removed"))[0]["record_id"]
    assert len(told("story", "chats", removed)["steps"]) == 3


def test_a_weaker_scan_is_no_decontamination_check(imported, tmp_path):
    told("scan", "chats", against=["quiz"], n=30)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: raw\nseed: 3\ncomponents:\n- dataset: chats\n  rows: 4\n")
    told("mix", str(recipe))
    with pytest.raises(CommandError, match="chats@1 has no decontamination check"):
        told("export", "raw")


def test_a_purged_source_cannot_be_mixed_or_exported_again(
    mixed, tmp_path, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        told("purge", "chats@1", reason="the licence was revoked")
    with pytest.raises(CommandError, match="it was made of chats@1, which was purged"):
        told("export", "first", override="all the same")
    recipe = tmp_path / "again.yaml"
    recipe.write_text("name: again\nseed: 3\ncomponents:\n- dataset: chats-clean\n  fraction: 1.0\n")
    with pytest.raises(CommandError, match="cannot be mixed: it was made of chats@1, which was purged"):
        told("mix", str(recipe))


def test_a_reason_that_was_not_needed_is_not_kept(mixed):
    told("export", "first", override="just in case")
    assert Export.objects.get().override == ""


def test_two_versions_of_one_benchmark_are_refused(imported, tmp_path):
    told("benchmark", lines(tmp_path / "quiz.jsonl", [{"question": item} for item in ITEMS]), name="quiz")
    with pytest.raises(CommandError, match="A benchmark is given twice"):
        told("scan", "chats", against=["quiz@1", "quiz@2"])


def test_a_project_that_nobody_opened_is_not_made_by_a_typo(imported):
    with pytest.raises(CommandError, match="There is no project defualt; there are: default"):
        told("runs", project="defualt")


def test_a_scan_that_looked_at_nothing_fails(imported):
    with pytest.raises(
        CommandError, match="None of the 5 rows of chats@1 has a system turn; nothing was scanned"
    ):
        told("scan", "chats", against=["quiz"], unit="system")
    assert not Check.objects.exists()


def test_registering_the_same_items_again_outdates_nothing(mixed, tmp_path):
    told("benchmark", lines(tmp_path / "renamed.jsonl", [{"question": item} for item in ITEMS]), name="quiz")
    assert told("export", "first")["export"] == "first export 1"


def test_verify_names_the_exported_file_that_was_changed(mixed):
    made = told("export", "first")
    assert told("verify")["exports"] == 1
    with open(made["files"][0]["path"], "ab") as file:
        file.write(b"x")
    with pytest.raises(
        CommandError, match=r"first export 1: .*train-00000-of-00001.parquet has .* another hash"
    ):
        told("verify")


def test_rows_carry_the_licence_of_their_source_in_the_provenance(mixed):
    made = told("export", "first")
    provenance = pq.read_table(f"{made['path']}/provenance/train-00000-of-00001.parquet")
    assert set(provenance.column("licence").to_pylist()) == {"cc0-1.0"}


def test_a_row_that_the_profile_skipped_is_not_said_to_be_in_the_export(imported, tmp_path):
    chats = [
        {"prompt": "What is wheat?", "completion": "Grass."},
        {"prompt": "And rye?", "completion": "Grass too."},
    ]
    told("import", lines(tmp_path / "pairs.jsonl", chats), name="pairs")
    told("import", lines(tmp_path / "asked.jsonl", [{"prompt": "Why?"}]), name="asked")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: both\nseed: 3\ncomponents:\n- dataset: pairs\n  fraction: 1.0\n- dataset: asked\n  fraction: 1.0\n"
    )
    told("mix", str(recipe))
    made = told("export", "both", override="a test")
    assert made["skips"] == {"sft_messages": {"does not end with an assistant turn": 1}}
    (asked,) = rows(Version.objects.get(dataset__name="asked"))
    steps = [step["what"] for step in told("story", "asked", asked["id"])["steps"]]
    assert steps[-1] == "skipped by the profiles of both export 1 (published)"


def test_verify_survives_a_manifest_that_is_no_text(mixed):
    made = told("export", "first")
    with open(f"{made['path']}/manifest.json", "r+b") as file:
        file.write(b"\xff")
    with pytest.raises(CommandError, match="first export 1: its manifest is not the one that was published"):
        told("verify")


def test_the_story_of_a_repeated_row_is_its_own_and_not_its_original_s(mixed, tmp_path):
    recipe = tmp_path / "thrice.yaml"
    recipe.write_text(
        "name: thrice\nseed: 1\ncomponents:\n- dataset: chats-clean\n  fraction: 3.0\n  max_repeats: 3\n"
    )
    assert told("mix", str(recipe))["rows"] == 9
    recipe.write_text("name: some\nseed: 1\ncomponents:\n- dataset: thrice\n  rows: 4\n")
    told("mix", str(recipe))
    chosen = {row["id"] for row in rows(Version.objects.get(dataset__name="some"))}
    copies = [row for row in rows(Version.objects.get(dataset__name="thrice")) if row["parents"]]
    assert len(copies) == 6
    for row in copies:
        steps = [step["what"] for step in told("story", "thrice", row["id"])["steps"]]
        assert (
            steps[0].startswith("imported from chats.jsonl#")
            and steps.count("chosen for the mixture thrice") == 1
        )
        assert ("chosen for the mixture some" in steps) == (row["id"] in chosen)
        assert ("not sampled from thrice@1 for the mixture some" in steps) == (row["id"] not in chosen)


def test_a_card_shows_rows_that_were_compared_and_none_with_a_match(mixed):
    made = told("export", "first")
    text = Path(made["path"], "README.md").read_text(encoding="utf-8")
    manifest = json.loads(Path(made["path"], "manifest.json").read_text())
    shown = manifest["configs"]["sft_messages"]["samples"]
    assert 0 < len(shown) <= 2 and all(f"Row `{one}`" in text for one in shown)
    matched = {row["record_id"] for row in rows(Version.objects.get(dataset__name="chats-matches"))}
    assert not matched & set(shown)
    assert LEAKED not in text.lower()


def test_a_new_benchmark_takes_the_rows_off_the_card(mixed, tmp_path):
    told("benchmark", lines(tmp_path / "more.jsonl", [{"question": "Who baked this?"}]), name="quiz")
    made = told("export", "first", override="a test")
    manifest = json.loads(Path(made["path"], "manifest.json").read_text())
    assert manifest["configs"]["sft_messages"]["samples"] == []


def test_the_story_of_a_row_names_the_revision_and_the_export(mixed):
    told("export", "first")
    (row, *_) = rows(Version.objects.get(dataset__name="first"))
    steps = told("story", "first", row["id"])["steps"]
    revision = Version.objects.get(dataset__name="chats").facts["revision"]
    assert steps[0]["detail"]["revision"] == revision and len(revision) == 64
    assert steps[0]["detail"]["source"] == "chats" and steps[0]["detail"]["origin"].startswith("chats.jsonl#")
    assert (steps[-1]["detail"]["mixture"], steps[-1]["detail"]["export"]) == ("first", 1)
