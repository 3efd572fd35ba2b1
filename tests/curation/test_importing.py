import gzip
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from huggingface_hub import HfApi

from curation import jobs
from curation.engine import importing
from curation.engine.errors import Cancelled
from curation.models import Event, Kind, Part, Run, Source, Version
from curation.tasks import finding
from curation.tasks import importing as tasks
from tests.curation.engine.fake_hub import NEW, OLD, FakeHub


def told(name, path, **options):
    out = StringIO()
    call_command(options.pop("command", "import"), str(path), name=name, as_json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def lines(path, rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def rows(name, kind="records"):
    version = Version.objects.filter(dataset__name=name).order_by("-number").first()
    return [row for batch in version.batches() for row in batch.to_pylist()]


def chat(text):
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes."}]}


pytestmark = pytest.mark.django_db


def test_rows_become_records_with_their_place(tmp_path):
    made = told("chats", lines(tmp_path / "chats.jsonl", [chat("one"), chat("two")]), licence="odc-by")
    assert (made["version"], made["rows"], made["rejected"], made["files"]) == ("chats@1", 2, 0, 1)
    first, second = rows("chats")
    assert first["messages"][0]["content"] == "one"
    assert dict(second["meta"])["origin"] == "chats.jsonl#2"
    assert first["source"] == "chats" and len(first["id"]) == 32
    source = Source.objects.get()
    assert (source.licence, source.mapping["shape"], source.mapping_number) == ("odc-by", "messages", 1)
    assert len(source.revision) == 64


def test_rows_that_cannot_be_used_are_counted_and_kept_with_their_reason(tmp_path):
    path = lines(
        tmp_path / "chats.jsonl",
        [chat("one"), "{broken", chat(""), chat("two"), {"messages": None}, chat("3")],
    )
    made = told("chats", path)
    assert (made["rows"], made["rejected"], made["rejects"]) == (3, 3, "chats-rejects@1")
    rejects = rows("chats-rejects")
    assert [(reject["file"], reject["line"]) for reject in rejects] == [("chats.jsonl", n) for n in (2, 3, 5)]
    assert rejects[0]["reason"].startswith("not valid JSON") and rejects[0]["excerpt"] == "{broken"
    assert sum(made["reasons"].values()) == 3


def test_the_first_of_rows_with_the_same_id_stays(tmp_path):
    given = [
        {"id": key, **chat(text)}
        for key, text in [("a", "one"), ("b", "two")] + [(f"c{i}", str(i)) for i in range(2000)]
    ]
    given += [{"id": "a", **chat("again")}]
    made = told("chats", lines(tmp_path / "chats.jsonl", given))
    assert (made["rows"], made["rejected"]) == (2002, 1)
    assert "one" in [row["messages"][0]["content"] for row in rows("chats")]
    (reject,) = rows("chats-rejects")
    assert (reject["line"], reject["reason"], reject["excerpt"]) == (
        2003,
        "its id occurs in an earlier row",
        "again",
    )


def test_an_import_that_loses_more_than_half_is_refused_with_the_reasons(tmp_path):
    path = lines(tmp_path / "chats.jsonl", [chat("one"), chat(""), chat(" "), "{"])
    with pytest.raises(CommandError, match="3 of 4 rows cannot be used, so nothing was imported: 2 × "):
        told("chats", path)
    assert not Version.objects.exists()
    assert told("chats", path, max_rejected=0.8)["rejected"] == 3


def test_an_empty_source_is_refused(tmp_path):
    with pytest.raises(CommandError, match=r"no row|no rows"):
        told("chats", lines(tmp_path / "chats.jsonl", []))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"There is no file or folder at .*nowhere\.jsonl"):
        told("chats", tmp_path / "nowhere.jsonl")


def test_an_unknown_shape_names_the_columns(tmp_path):
    with pytest.raises(CommandError, match="wibble"):
        told("chats", lines(tmp_path / "odd.jsonl", [{"wibble": 1, "wobble": 2}]))


def test_a_mapping_reads_what_is_not_recognised(tmp_path):
    path = lines(tmp_path / "odd.jsonl", [{"wibble": "What is wheat?", "wobble": "Grass."}])
    mapping = {"shape": "question_answer", "fields": {"prompt": "wibble", "completion": "wobble"}}
    told("odd", path, mapping=json.dumps(mapping))
    (row,) = rows("odd")
    assert [turn["content"] for turn in row["messages"]] == ["What is wheat?", "Grass."]


def test_a_mapping_that_was_given_is_used_again_until_somebody_asks_for_another_look(tmp_path):
    path = lines(tmp_path / "odd.jsonl", [{"question": "What is wheat?", "answer": "Grass."}])
    mapping = {"shape": "question_answer", "fields": {"prompt": "answer", "completion": "question"}}
    told("odd", path, mapping=json.dumps(mapping))
    assert told("odd", path)["mapping"]["fields"] == mapping["fields"]
    assert Source.objects.get().mapping_number == 1
    assert told("odd", path, recognise=True)["mapping"]["fields"] == {
        "prompt": "question",
        "completion": "answer",
    }
    assert Source.objects.get().mapping_number == 2


def test_a_wrong_mapping_is_refused_before_any_work(tmp_path):
    with pytest.raises(CommandError, match="needs a column for completion"):
        told("odd", tmp_path, mapping='{"shape": "question_answer", "fields": {"prompt": "a"}}')
    assert not Run.objects.exists()


@pytest.mark.parametrize("name", ["test.jsonl", "my-val.jsonl", "gsm_test.jsonl.gz"])
def test_an_eval_split_is_no_training_source_unless_confirmed(tmp_path, name):
    path = tmp_path / name
    data = (json.dumps(chat("one")) + "\n").encode()
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    with pytest.raises(CommandError, match="looks like an evaluation split"):
        told("chats", path)
    assert told("chats", path, confirm_eval_split=True)["rows"] == 1


def test_a_benchmark_may_be_an_eval_split(tmp_path):
    path = lines(tmp_path / "test.jsonl", [{"question": "How many?", "answer": "4"}])
    told("quiz", path, command="benchmark", role="unseen")
    assert Version.objects.get(dataset__name="quiz").kind == Kind.BENCHMARK
    assert Source.objects.get().benchmark_role == "unseen"


def test_a_name_stays_what_it_was(tmp_path):
    path = lines(tmp_path / "chats.jsonl", [chat("one")])
    told("chats", path)
    with pytest.raises(CommandError, match="chats is registered as a training source"):
        told("chats", path, command="benchmark")


def test_importing_again_gives_the_next_version_with_the_same_hash_and_ids(tmp_path):
    path = lines(tmp_path / "chats.jsonl", [chat("one"), chat("two")])
    told("chats", path)
    assert told("chats", path)["version"] == "chats@2"
    first, second = Version.objects.filter(dataset__name="chats").order_by("number")
    assert first.content_hash == second.content_hash
    assert Source.objects.get().mapping_number == 1


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    lines(folder / "b.jsonl", [chat("b")])
    lines(folder / "a.jsonl", [chat("a")])
    (folder / "notes.md").write_text("no rows")
    made = told("parts", folder)
    assert (made["files"], made["ignored"]) == (2, ["notes.md"])
    assert [row["messages"][0]["content"] for row in rows("parts")] == ["a", "b"]


def test_rows_do_not_depend_on_how_files_are_grouped_into_parts(tmp_path, monkeypatch):
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in "abc":
        lines(folder / f"{name}.jsonl", [chat(name), chat(name * 2)])
    told("whole", folder)
    assert Run.objects.get(kind="import").parts.filter(stage=1).count() == 1
    monkeypatch.setattr(importing, "PART_BYTES", 1)
    told("pieces", folder)
    assert Run.objects.get(kind="import", subject="pieces").parts.filter(stage=1).count() == 3
    ids = [[row["messages"][0]["content"] for row in rows(name)] for name in ("whole", "pieces")]
    assert ids[0] == ids[1] == ["a", "aa", "b", "bb", "c", "cc"]


def test_a_killed_import_goes_on_after_its_last_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "SHARD_ROWS", 1000)
    path = lines(tmp_path / "chats.jsonl", [chat(str(i)) for i in range(3500)])
    told("whole", path)
    writes = []
    real = Part.write

    def dies_in_the_third_shard(self, name, schema, batches, number=0):
        writes.append((name, number))
        if writes.count((name, number)) == 1 and (name, number) == ("records", 2):
            raise OSError("the machine went away")
        return real(self, name, schema, batches, number)

    monkeypatch.setattr(Part, "write", dies_in_the_third_shard)
    told("killed", path)
    assert [one for one in writes if one[0] == "records"] == [("records", n) for n in (0, 1, 2, 2, 3)]
    texts = [[row["messages"][0]["content"] for row in rows(name)] for name in ("whole", "killed")]
    assert texts[0] == texts[1] == [str(i) for i in range(3500)]


def test_a_cancelled_import_publishes_nothing(tmp_path, project, user, monkeypatch):
    path = lines(tmp_path / "chats.jsonl", [chat("one")])
    run = tasks.start_import(
        project, "chats", location=str(path), split_role=Source.SplitRole.TRAIN, user=user
    )
    monkeypatch.setattr(Part, "progress", lambda *_: (_ for _ in ()).throw(Cancelled("stopped")))
    run.cancel(by=user)
    jobs.work(run.pk)
    assert Run.objects.get(pk=run.pk).status == "cancelled" and not Version.objects.exists()


def test_a_name_that_another_run_gave_its_output_is_not_taken_over(tmp_path, version):
    version("chats-clean", "one")
    with pytest.raises(CommandError, match="The dataset chats-clean was not made by chats-clean"):
        told("chats-clean", lines(tmp_path / "chats.jsonl", [chat("one")]))


@pytest.mark.parametrize("name", ["two words", "a/b", "ünïcode", "", "x" * 101, "a.b"])
def test_a_name_must_do_in_an_address(tmp_path, name):
    with pytest.raises(CommandError, match="name must be letters, digits"):
        told(name, lines(tmp_path / "chats.jsonl", [chat("one")]))


def test_a_failed_import_from_elsewhere_does_not_leave_its_place_with_the_old_mapping(tmp_path):
    told("odd", lines(tmp_path / "a.jsonl", [{"prompt": "a", "completion": "b"}]))
    bad = lines(tmp_path / "b.jsonl", [{"wibble": 1}])
    with pytest.raises(CommandError):
        told("odd", bad)
    lines(bad, [chat("one")])
    assert told("odd", bad)["mapping"]["shape"] == "messages"


def test_what_was_done_is_in_the_audit_log(tmp_path):
    told("chats", lines(tmp_path / "chats.jsonl", [chat("one")]))
    verbs = Event.objects.order_by("pk").values_list("verb", "who__username")
    assert list(verbs) == [
        ("opened", "shell"),
        ("registered", "shell"),
        ("mapped", "shell"),
        ("imported", "shell"),
    ]


@pytest.fixture
def hub(monkeypatch, settings, tmp_path):
    settings.HOME = tmp_path
    with FakeHub() as hub:
        monkeypatch.setattr(finding, "HfApi", lambda: HfApi(endpoint=hub.endpoint, token=False))
        yield hub


def test_a_hub_dataset_is_pinned_to_a_commit_and_its_scripts_are_not_even_fetched(hub):
    made = told("colours", "team/colours", confirm_eval_split=True)
    assert (made["rows"], made["files"], made["revision"]) == (2, 2, NEW)
    source = Source.objects.get()
    assert (source.kind, source.revision, source.licence) == ("hub", NEW, "cc-by-4.0")
    assert not any(path.endswith(".py") for path in hub.asked)
    assert rows("colours")[1]["messages"][1]["content"] == "azure"


def test_an_earlier_revision_gives_the_rows_of_its_commit(hub):
    made = told("colours", "team/colours", revision=OLD, confirm_eval_split=True)
    assert made["revision"] == OLD and rows("colours")[1]["messages"][1]["content"] == "blue"


def test_the_eval_split_of_a_hub_dataset_is_refused_like_any_other(hub):
    with pytest.raises(CommandError, match=r"data/test\.csv looks like an evaluation split"):
        told("colours", "team/colours")


def test_an_unknown_hub_dataset_is_named(hub):
    with pytest.raises(CommandError, match="team/nothing"):
        told("nothing", "team/nothing")
