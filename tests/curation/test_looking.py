import gzip
import io
import json
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils import timezone
from huggingface_hub import HfApi

from curation import jobs
from curation.engine import looking
from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.mapping import Mapping
from curation.engine.readers import Options, Reject, Row
from curation.housekeeping import sweep
from curation.locations import Location, from_shell, keep_upload
from curation.models import Dataset, Line, Run, Source
from curation.questions.looks import newest_look, sample_rows
from curation.tasks import finding
from curation.tasks import looking as tasks
from curation.tasks.importing import start_import
from curation.tasks.looking import start_look
from tests.curation.engine.fake_hub import NEW, FakeHub
from tests.curation.engine.fake_web import FakeWeb, page

pytestmark = pytest.mark.django_db
TRAIN = Source.SplitRole.TRAIN
URL = Location("url", "http://data.example/data/train.jsonl")


def look(project, location, name="quiz", split_role=TRAIN, **options):
    run = start_look(project, name, location, split_role, **options)
    jobs.work(run.pk)
    return Run.objects.get(pk=run.pk)


def upload(project, *rows, name="quiz.jsonl"):
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    return keep_upload(project, io.BytesIO(text.encode()), name)


def asked(n):
    return {"question": f"What is {n}?", "answer": str(n), "note": None if n % 2 else "even"}


@pytest.fixture
def web(monkeypatch):
    with FakeWeb() as web:
        monkeypatch.setattr(finding, "NETWORK", web.network)
        yield web


def test_a_look_says_what_a_person_needs_to_map_the_rows(project):
    run = look(project, upload(project, *map(asked, range(300)), name="gsm_test.jsonl"), licence="mit")
    assert run.status == "done", run.error + run.traceback
    told = run.summary
    assert (told["files"], told["names"], told["rows"], told["rejected"]) == (1, ["gsm_test.jsonl"], 200, 0)
    assert (
        told["mapping"]["fields"] == {"prompt": "question", "completion": "answer"} and not told["question"]
    )
    assert told["columns"][0] == {
        "name": "question",
        "types": ["text"],
        "filled": 200,
        "example": "What is 0?",
    }
    assert told["columns"][2]["filled"] == 100
    assert told["eval_split"] == [{"file": "gsm_test.jsonl", "word": "test"}]
    assert 250 < told["estimated_rows"] < 350
    source = Source.objects.get()
    assert (source.licence, source.mapping, newest_look(source)) == ("mit", {}, run)
    assert not Dataset.objects.exists()


def test_a_look_keeps_a_sample_with_what_cannot_be_read(project):
    run = look(project, upload(project, asked(1), "{broken", asked(2)))
    first, bad, last = sample_rows(run)
    assert first == Row("quiz.jsonl", 1, asked(1)) and last == Row("quiz.jsonl", 3, asked(2))
    assert isinstance(bad, Reject) and (bad.line, bad.excerpt) == (2, "{broken")
    (told,) = run.summary["rejects"]
    assert (told["file"], told["line"], told["excerpt"]) == ("quiz.jsonl", 2, "{broken")
    assert told["reason"].startswith("not valid JSON")


def test_the_sample_is_spread_over_the_files(project, tmp_path):
    for n in range(120):
        (tmp_path / f"{n:03}.jsonl").write_text(json.dumps(asked(n)) + "\n")
    run = look(project, from_shell(str(tmp_path)))
    files = [item.file for item in sample_rows(run)]
    assert run.summary["files"] == 120 and len(files) == 50
    assert files[0] == "000.jsonl" and files[-1] > "110.jsonl"
    assert 100 <= run.summary["estimated_rows"] <= 140


def test_rows_that_fit_no_shape_give_the_question_and_not_an_error(project):
    run = look(project, upload(project, {"wibble": 1, "wobble": 2}))
    assert run.status == "done" and run.summary["mapping"] is None
    assert 'No known shape fits the columns "wibble", "wobble"' in run.summary["question"]
    mapping = Mapping.from_dict({"shape": "prompt", "fields": {"prompt": "wibble"}})
    assert looking.preview(sample_rows(run), mapping).total == 1


def test_a_file_that_cannot_be_read_fails_the_look_with_a_sentence(project):
    run = look(project, keep_upload(project, io.BytesIO(b"\0\1\2\3" * 100), "quiz.jsonl"))
    assert run.status == "failed" and "quiz.jsonl is not text" in run.error


def test_a_look_registers_by_the_same_rules_as_an_import(project, version):
    version("quiz", "one")
    with pytest.raises(Refused, match="The dataset quiz was not made by quiz"):
        look(project, upload(project, asked(1)))
    with pytest.raises(BadConfig, match="name must be letters"):
        look(project, upload(project, asked(1)), name="a b")
    with pytest.raises(BadConfig, match="Unknown settings: wibble"):
        look(project, upload(project, asked(1)), name="other", options={"wibble": 1})
    assert not Source.objects.exists()


def test_how_files_are_read_can_be_said(project):
    table = upload(project, "a;b", "1;2", name="quiz.csv")
    assert [c["name"] for c in look(project, table).summary["columns"]] == ["a", "b"]
    headless = look(project, table, options={"header": False})
    assert [c["name"] for c in headless.summary["columns"]] == ["column_1", "column_2"]
    assert headless.summary["mapping"]["options"]["header"] is False


def test_a_benchmark_keeps_its_role(project):
    run = look(project, upload(project, asked(1)), split_role=Source.SplitRole.EVAL, benchmark_role="unseen")
    assert run.status == "done" and Source.objects.get().benchmark_role == "unseen"


class TestHub:
    @pytest.fixture
    def hub(self, monkeypatch, settings, tmp_path):
        settings.HOME = tmp_path
        with FakeHub() as hub:
            monkeypatch.setattr(finding, "HfApi", lambda: HfApi(endpoint=hub.endpoint, token=False))
            yield hub

    def test_a_look_at_the_hub_fetches_a_few_files_and_tells_of_all(self, project, hub, monkeypatch):
        monkeypatch.setattr(tasks, "HUB_FILES", 1)
        run = look(project, Location("hub", "team/colours"))
        assert (run.summary["files"], run.summary["revision"], run.summary["licence"]) == (
            2,
            NEW,
            "cc-by-4.0",
        )
        assert run.summary["eval_split"] == [{"file": "data/test.csv", "word": "test"}]
        assert not any("train.jsonl" in path for path in hub.asked)

    def test_an_import_after_a_look_reads_the_commit_that_was_looked_at(self, project, hub):
        seen = look(project, Location("hub", "team/colours"))
        Run.objects.filter(pk=seen.pk).update(summary=seen.summary | {"revision": "a" * 40})
        seen.refresh_from_db()
        run = start_import(
            project,
            "quiz",
            location=Location("hub", "team/colours"),
            split_role=TRAIN,
            look=seen,
            confirmed=True,
        )
        jobs.work(run.pk)
        run.refresh_from_db()
        assert run.summary["revision"] == "a" * 40


class TestPreview:
    def test_a_mapping_is_tried_on_the_sample_without_the_source(self, project):
        given = [asked(1), {"question": "", "answer": "x"}, "{broken", asked(2)]
        run = look(project, upload(project, *given))
        made = looking.preview(sample_rows(run), Mapping.from_dict(run.summary["mapping"]))
        assert (made.usable, made.total, len(made.rows)) == (2, 4, 4)
        first, empty, broken, _ = made.rows
        assert [turn.content for turn in first.content.messages] == ["What is 1?", "1"]
        assert first.raw.startswith('{"question":"What is 1?"')
        assert empty.content is None and empty.reason and empty.raw
        assert broken.raw == "{broken" and sum(made.rejected.values()) == 2
        other = looking.preview(
            sample_rows(run), Mapping.from_dict({"shape": "prompt", "fields": {"prompt": "answer"}})
        )
        assert other.rows[0].content.messages[0].content == "1"

    def test_the_rows_that_are_shown_are_spread_over_the_sample(self, project):
        run = look(project, upload(project, *map(asked, range(100))))
        made = looking.preview(sample_rows(run), Mapping.from_dict(run.summary["mapping"]), limit=4)
        assert [row.line for row in made.rows] == [1, 26, 51, 76] and made.usable == 100

    def test_parquet_cells_that_json_does_not_know_are_kept(self, project):
        table = pa.table(
            {"question": ["a"], "when": [date(2024, 1, 2)], "image": [{"bytes": b"\xff\0", "path": None}]}
        )
        data = io.BytesIO()
        pq.write_table(table, data)
        data.seek(0)
        run = look(project, keep_upload(project, data, "quiz.parquet"))
        (row,) = sample_rows(run)
        assert row.data["image"]["bytes"] == b"\xff\0" and row.data["when"] == "2024-01-02"

    def test_a_row_too_large_for_a_sample_is_counted(self, project, monkeypatch):
        monkeypatch.setattr(looking, "ROW_BYTES", 1000)
        run = look(project, upload(project, asked(1), {"question": "x" * 2000, "answer": "y"}))
        assert (run.summary["rows"], run.summary["left_out"]) == (1, 1)

    @pytest.mark.parametrize("data", [{"a": "\0"}, {"$bytes": "no"}, {"a": {"$bytes": 1}}, {"n": 2.5}])
    def test_any_row_survives_being_kept(self, data):
        assert looking.decode(looking.encode(Row("f", 1, data))) == Row("f", 1, data)

    def test_what_a_database_refuses_is_not_in_the_summary(self, project):
        run = look(project, upload(project, {"question": "a\0b", "answer": "c"}))
        assert "\\u0000" not in json.dumps(run.summary)


class TestAfterwards:
    def test_an_import_says_when_the_file_is_not_the_one_that_was_looked_at(self, project, web):
        seen = look(project, URL)
        same = start_import(project, "quiz", location=URL, split_role=TRAIN, look=seen)
        jobs.work(same.pk)
        web.pages["/data/train.jsonl"] = page(json.dumps(asked(1)).encode())
        other = start_import(project, "quiz", location=URL, split_role=TRAIN, look=seen)
        jobs.work(other.pk)
        same.refresh_from_db()
        other.refresh_from_db()
        assert (same.status, other.status) == ("done", "done")
        assert "changed" not in same.summary
        assert "they changed in between" in other.summary["changed"]
        assert Line.objects.filter(run=other, level="warning", text=other.summary["changed"]).exists()

    def test_the_newest_sample_of_a_source_is_kept_and_older_ones_go(self, project):
        given = upload(project, asked(1))
        old, new = look(project, given), look(project, given)
        Run.objects.update(finished=timezone.now() - timedelta(days=2))
        assert sweep(hours=24) == [old.folder]
        assert newest_look(Source.objects.get()) == new and len(sample_rows(new)) == 1
        with pytest.raises(BadInput, match="The sample of this look is gone; look at the source again"):
            sample_rows(old)

    def test_a_look_at_where_the_source_was_before_is_no_look_at_it(self, project):
        look(project, upload(project, asked(1)))
        Source.objects.update(location=upload(project, asked(2)).text)
        assert newest_look(Source.objects.get()) is None

    def test_a_run_that_is_no_look_has_no_sample(self, project):
        given = upload(project, asked(1))
        run = start_import(project, "quiz", location=given, split_role=TRAIN)
        jobs.work(run.pk)
        with pytest.raises(BadInput, match="Nothing was looked at yet"):
            sample_rows(Run.objects.get(pk=run.pk))


def test_a_bomb_is_not_unpacked_for_a_sample(project, settings, monkeypatch):
    monkeypatch.setattr(finding, "LOOKED_INTO", 1 << 20)
    rows = b"".join(json.dumps(asked(n)).encode() + b"\n" for n in range(3))
    bomb = gzip.compress(rows + b" " * (8 << 20))
    run = look(project, keep_upload(project, io.BytesIO(bomb), "quiz.jsonl"))
    assert run.status == "done" and run.summary["rows"] == 3
    assert any("expands to more than" in reason for reason in run.summary["reasons"])
    assert run.summary["mapping"]["options"]["max_bytes"] == Options().max_bytes


def test_a_row_without_an_end_is_not_followed_for_a_sample(project, monkeypatch):
    monkeypatch.setattr(finding, "LOOKED_AT", 1 << 20)
    endless = b"[" + json.dumps(asked(1)).encode() + b"," + b"[" * (3 << 20)
    run = look(project, keep_upload(project, io.BytesIO(endless), "quiz.json"))
    assert run.status == "done" and run.summary["rows"] == 1
    assert any("longer than 1,048,576 bytes" in reason for reason in run.summary["reasons"])
