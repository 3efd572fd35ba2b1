"""How the rows of a source are read, chosen with a preview before the import."""

import pytest

from curation import jobs
from curation.models import Event, Kind, Run, Source, store
from tests.curation.registering import asked, form, imported, lines, looked, text, url

pytestmark = pytest.mark.django_db


class TestMapping:
    @pytest.fixture
    def look(self, client, curator):
        return looked(client, lines(*map(asked, range(20)), {"question": "", "answer": "x"}, "{broken"))

    def preview(self, client, look, htmx=True, **said):
        headers = {"HX-Request": "true"} if htmx else {}
        return client.post(url("source-preview", "quiz"), form(look, **said), headers=headers)

    def test_a_change_shows_what_becomes_of_the_rows_at_once(self, client, look):
        shown = self.preview(client, look).content.decode()
        assert "20 of 22 rows of the sample can be used" in shown and "question is empty" in shown
        assert "not valid JSON" in shown and 'id="fields"' not in shown
        assert not Source.objects.get().mapping

    def test_another_shape_brings_its_own_fields_and_keeps_what_was_chosen(self, client, look):
        shown = self.preview(
            client,
            look,
            shape="preference",
            drawn="question_answer",
            **{"field-prompt": "question", "field-completion": "answer"},
        ).content.decode()
        assert 'hx-swap-oob="true"' in shown and 'name="field-chosen"' in shown
        assert "The shape preference needs a column for chosen and rejected" in shown
        assert '<input type="hidden" name="field-completion" value="answer">' in shown

    def test_a_path_can_be_typed(self, client, look):
        asked_for = self.preview(client, look, **{"field-prompt": "\t?"}).content.decode()
        assert 'name="typed" value="prompt"' in asked_for and 'list="paths"' in asked_for
        shown = self.preview(
            client, look, typed="prompt", drawn="question_answer prompt", **{"field-prompt": "answer.b"}
        ).content.decode()
        assert "answer.b is missing" in shown and "hx-swap-oob" not in shown

    def test_a_contradiction_is_a_sentence_and_nothing_typed_is_lost(self, client, look):
        said = {"field-system": "answer", "constant-system": "Be brief."}
        shown = self.preview(client, look, htmx=False, **said).content.decode()
        assert "system cannot be a constant here" in shown and "Be brief." in shown
        refused = client.post(url("source-import", "quiz"), form(look, **said))
        assert refused.status_code == 422 and "Be brief." in refused.content.decode()
        assert not Run.objects.filter(kind="import").exists()

    def test_it_works_without_a_script(self, client, look):
        shown = self.preview(client, look, htmx=False).content.decode()
        assert "20 of 22 rows" in shown and "<h1>" in shown

    def test_speakers_are_renamed(self, client, curator):
        turns = [{"from": "Alice", "value": "Hi"}, {"from": "Bob", "value": "Hello"}]
        look = looked(client, lines({"conversations": turns}), name="talk")
        said = {"field-messages": "conversations", "speaker": ["Alice", "Bob"]}
        ask = form(look, shape="sharegpt", **said)
        shown = text(client, "source-mapping", "talk")
        assert "Alice" in shown and "nobody known" in shown
        before = client.post(url("source-preview", "talk"), ask).content.decode()
        assert "unknown role" in before
        ask["speaks-as"] = ["user", "assistant"]
        assert "All 1 rows" in client.post(url("source-preview", "talk"), ask).content.decode()

    def test_rows_of_no_known_shape_ask_for_one(self, client, curator):
        looked(client, lines({"wibble": "a", "wobble": "b"}))
        shown = text(client, "source-mapping", "quiz")
        assert "No known shape fits these columns" in shown and "Choose the shape of the rows" in shown

    def test_how_files_are_read_can_be_said(self, client, curator):
        looked(client, b"a;b\n1;2\n3;4\n", called="quiz.csv")
        assert "semicolon" in text(client, "source-mapping", "quiz")
        client.post(url("source-look", "quiz"), {"reading": "1", "header": "no", "delimiter": ";"})
        look = Run.objects.order_by("-pk").first()
        assert look.config["options"] == {"header": False, "delimiter": ";"}
        jobs.work(look.pk)
        assert "column_1" in text(client, "source-mapping", "quiz")
        bad = client.post(url("source-look", "quiz"), {"reading": "1", "delimiter": "ab"})
        assert bad.status_code == 422 and "delimiter must be one character" in bad.content.decode()

    def test_an_evaluation_split_has_to_be_confirmed_or_becomes_a_benchmark(self, client, curator):
        look = looked(client, called="quiz_test.jsonl")
        assert "A file looks like an evaluation split" in text(client, "source-mapping", "quiz")
        refused = client.post(url("source-import", "quiz"), form(look))
        assert refused.status_code == 422 and "training on it would leak it" in refused.content.decode()
        assert not Run.objects.filter(kind="import").exists()
        turned = client.post(url("source-change", "quiz"), {"benchmark": "1", "back": "mapping"})
        assert turned.url == url("source-mapping", "quiz") and Source.objects.get().split_role == "eval"
        assert Event.objects.filter(verb="changed").get().detail["fields"] == ["benchmark_role", "split_role"]
        run = imported(client, look=look)
        assert run.output("records").kind == Kind.BENCHMARK

    def test_what_was_confirmed_stays_so_when_it_is_imported_again(self, client, curator):
        imported(client, look=looked(client, called="quiz_test.jsonl"), confirmed="on", max_rejected="7")
        client.post(url("source-import", "quiz"))
        run = Run.objects.order_by("-pk").first()
        assert (run.config["confirmed"], run.config["max_rejected"]) == (True, 0.07)
        jobs.work(run.pk)
        run.refresh_from_db()
        assert run.status == "done" and run.summary["version"] == "quiz@2"

    def test_imported_rows_make_no_benchmark(self, client, curator):
        imported(client)
        refused = client.post(url("source-change", "quiz"), {"benchmark": "1"})
        assert refused.status_code == 422 and "imported as training data" in refused.content.decode()

    @pytest.mark.parametrize("share", ["many", "nan", "-1", "101"])
    def test_a_share_that_is_none_is_refused(self, client, look, share):
        refused = client.post(url("source-import", "quiz"), form(look, max_rejected=share))
        assert refused.status_code == 422

    def test_a_sample_that_was_swept_is_said_to_be_gone(self, client, look):
        store().remove(look.folder)
        assert "The sample of this look is gone" in text(client, "source-mapping", "quiz")

    def test_a_look_of_another_source_or_place_is_not_there(self, client, look):
        assert client.post(url("source-preview", "quiz"), {"look": "999"}).status_code == 404
        assert client.post(url("source-preview", "quiz"), {"look": "x"}).status_code == 404
        Source.objects.update(location="elsewhere")
        assert client.post(url("source-preview", "quiz"), form(look)).status_code == 404

    def test_the_preview_takes_few_queries(self, client, look, django_assert_max_num_queries):
        with django_assert_max_num_queries(10):
            self.preview(client, look)
