"""The page of rows that could not be used."""

import pytest

from curation import jobs
from curation.engine.importing import REJECTS, reject_batch
from curation.engine.readers import Reject
from curation.models import Kind, Run, store
from curation.questions.rejects import Wanted, page
from tests.conftest import Nothing
from tests.curation.registering import asked, imported, lines, looked, text, url

pytestmark = pytest.mark.django_db


class TestErrors:
    def test_rejected_rows_are_told_by_reason_file_and_line(self, client, curator):
        bad = [{"question": "", "answer": "x"}] * 3
        imported(client, lines(*map(asked, range(20)), *bad, "{broken"))
        shown = text(client, "source-errors", "quiz")
        assert "4 rows of quiz could not be used" in shown and "{broken" in shown
        assert "question is empty" in shown and ">24</td>" in shown
        only = text(client, "source-errors", "quiz", reason="question is empty")
        assert "{broken" not in only and ">21</td>" in only
        assert "reason=question%20is%20empty" in shown
        assert "No row was rejected for that" in text(client, "source-errors", "quiz", reason="no such")
        assert client.get(url("source-errors", "quiz"), {"version": "9"}).status_code == 404
        assert client.get(url("source-errors", "quiz"), {"version": "x"}).status_code == 404

    def test_without_rejects_and_without_import_the_page_says_so(self, client, curator):
        looked(client)
        assert "was not imported yet" in text(client, "source-errors", "quiz")
        imported(client, look=Run.objects.get())
        assert "All rows of quiz could be used" in text(client, "source-errors", "quiz")

    @pytest.fixture
    def many(self, project):
        """35,000 rejects in two shards."""

        def write(part):
            shards = []
            for number, rows in enumerate((20_000, 15_000)):
                made = [
                    Reject(
                        "a.jsonl", number * 20_000 + n, "rare" if n % 5000 == 0 else f"r{n % 2}", f"row {n}"
                    )
                    for n in range(rows)
                ]
                shards.append(part.write("rejects", REJECTS, [reject_batch(made)], number))
            part.publish("rejects", "many-rejects", Kind.REJECTS, REJECTS, shards)

        job = jobs.register(jobs.Job("rejecting", (jobs.Stage("rejecting", write),)))
        run = jobs.start(job, project=project, config=Nothing())
        jobs.work(run.pk)
        return Run.objects.get(pk=run.pk).output("rejects")

    def test_pages_go_by_position(self, many):
        first = page(many, Wanted(), limit=3)
        assert [row["line"] for row in first.rows] == [0, 1, 2] and first.after == 2
        last = page(many, Wanted(), after=34_996, limit=3)
        assert [row["line"] for row in last.rows] == [34_997, 34_998, 34_999] and last.after is None
        assert page(many, Wanted(), after=10**12) == page(many, Wanted(), after=34_999)

    def test_a_reason_is_found_wherever_it_stands(self, many):
        found, after = [], -1
        while after is not None:
            got = page(many, Wanted("rare"), after=after, limit=2)
            found += [row["line"] for row in got.rows]
            after = got.after
        assert found == [0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000]
        others = page(many, Wanted(others=("r0", "r1")), limit=50)
        assert [row["reason"] for row in others.rows] == ["rare"] * 7

    def test_the_last_page_reads_no_more_than_the_first(self, many, monkeypatch):
        opened = []
        was = type(store()).open
        monkeypatch.setattr(type(store()), "open", lambda self, path: opened.append(path) or was(self, path))
        page(many, Wanted(), limit=50)
        first = len(opened)
        page(many, Wanted(), after=34_900, limit=50)
        assert len(opened) - first == first
