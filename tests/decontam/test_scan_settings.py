"""How a scan is set by page, command and API: meaning, its rate of false alarms, thresholds of single benchmarks."""

from dataclasses import asdict
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from curation import jobs
from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.llm import EndpointConfig
from curation.models import Check, Endpoint, Kind, Run
from decontam.engine.thresholds import thresholds_from
from decontam.forms.scans import ScanForm
from decontam.tasks import ScanConfig, start_recheck, start_rescan, start_scan
from tests.populating import finished

ITEM = "Why does the old lighthouse keeper count every ninth wave before he goes to bed at night?"
HALF = (
    "They asked: why does the old lighthouse keeper count every ninth wave, and nobody knew the rest of it."
)


@pytest.fixture
def versions(version):
    return version("chats", HALF, "nothing of the kind"), version("quiz", ITEM, kind=Kind.BENCHMARK)


def endpoint(project, user, name, kind="embeddings", allowed=True):
    config = EndpointConfig(name, "http://127.0.0.1:9/v1", "some-model", "", kind, allowed)
    return Endpoint.objects.add(project, config, by=user)


def test_thresholds_are_written_a_line_each():
    assert thresholds_from(["quiz: 0.9", "", "  exam :1 "]) == {"quiz": 0.9, "exam": 1.0}
    assert thresholds_from(["quiz=0.5"], "=") == {"quiz": 0.5}


@pytest.mark.parametrize(
    "lines, sentence",
    [
        (["quiz 0.9"], "'quiz 0.9' is no threshold: write benchmark:share, like quiz:0.9."),
        (["quiz: most"], "The threshold for quiz is a share, from 0 to 1, not 'most'."),
        (["quiz: 0.9", "quiz: 0.8"], "There are two thresholds for quiz; write one."),
    ],
)
def test_a_line_that_is_no_threshold_is_named(lines, sentence):
    with pytest.raises(BadConfig, match=sentence.replace("(", r"\(")):
        thresholds_from(lines)


def test_the_plain_rule_takes_neither_an_encoder_nor_thresholds():
    for said in ({"encoder": "minilm"}, {"thresholds": {"quiz": 0.5}}):
        with pytest.raises(BadConfig, match="leave out encoder and thresholds"):
            ScanConfig(profile="plain", **said)


def test_a_threshold_decides_what_counts_of_its_benchmark_alone(versions):
    training, quiz = versions
    strict, lax = (
        finished(start_scan(training, [quiz], ScanConfig(thresholds={"quiz": share})))
        for share in (0.95, 0.3)
    )
    assert strict.summary["suppressed"] == {"under the threshold set for this benchmark": 1}
    assert (lax.summary["suppressed"], lax.summary["training_rows_hit"]) == ({}, 1)


def test_the_report_counts_what_is_suppressed_beside_what_counts(versions, curator, client):
    run = finished(start_scan(versions[0], [versions[1]], ScanConfig(thresholds={"quiz": 0.95})))
    page = " ".join(client.get(reverse("scan", args=["default", run.pk])).content.decode().split())
    assert "0 rows of chats@1 match 1 benchmark" in page
    table = reverse("matches", args=["default", run.pk])
    assert f'{table}?suppressed=no">0</a>, and <a href="{table}?suppressed=yes">1</a> suppressed' in page
    for asked in ("benchmark=quiz", "method=ngram"):
        assert f'{table}?{asked}&amp;suppressed=yes">1</a>' in page
        assert f"{table}?{asked}&amp;suppressed=no" not in page


@pytest.mark.parametrize("unit", ["chosen", "ground truth"])
def test_a_scan_of_texts_that_no_row_has_says_so(versions, unit):
    training, quiz = versions
    run = start_scan(training, [quiz], ScanConfig(unit=unit))
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert run.error == f"None of the 2 rows of chats@1 has a {unit} turn; nothing was scanned"


def test_the_verdict_names_a_benchmark_without_a_word(versions, version):
    training, quiz = versions
    signs = version("signs", "???", "…", kind=Kind.BENCHMARK)
    found = finished(start_scan(training, [quiz, signs], ScanConfig())).checks.get()
    assert found.summary.endswith("; no item of signs@1 has a word that could be looked for")


def test_a_threshold_for_a_benchmark_that_is_not_scanned_against_is_refused(versions):
    with pytest.raises(BadConfig, match="a threshold for quizz, but the scan is against quiz only"):
        start_scan(versions[0], [versions[1]], ScanConfig(thresholds={"quizz": 0.9}))


def test_an_encoder_must_be_there_before_the_scan_starts(versions, project, user):
    endpoint(project, user, "talk", kind="chat")
    endpoint(project, user, "outside", allowed=False)
    for encoder, error, said in (
        ("maxilm", BadConfig, "no encoder 'maxilm'; choose minilm or endpoint:"),
        ("endpoint:nowhere", BadInput, "no endpoint 'nowhere'"),
        ("endpoint:talk", BadConfig, "is for chat; meaning needs one for embeddings"),
        ("endpoint:outside", Refused, "may not see benchmark text"),
    ):
        with pytest.raises(error, match=said):
            start_scan(versions[0], [versions[1]], ScanConfig(encoder=encoder))


def test_the_form_offers_encoders_that_may_see_benchmark_text(project, user):
    for name, kind, allowed in (("a", "embeddings", True), ("b", "embeddings", False), ("c", "chat", True)):
        endpoint(project, user, name, kind, allowed)
    offered = ScanForm(project, initial={}).fields["encoder"].choices
    assert [name for name, _ in offered] == ["", "minilm", "endpoint:a"]


def post(client, **said):
    plain = {"training": "chats", "benchmarks": ["quiz@1"], "unit": "user", "n": 8, "threshold": 0.5}
    plain |= {"training": "chats@1", "profile": "default"}
    return client.post(reverse("scan-new", args=["default"]), plain | said)


def test_the_page_takes_thresholds_and_says_which_line_is_none(versions, curator, client):
    answer = post(client, thresholds="quiz 0.9", false_alarms="0.05")
    text = answer.content.decode()
    assert answer.status_code == 422 and "is no threshold" in text and 'value="0.05"' in text
    assert "quiz 0.9</textarea>" in text
    assert "from 0 to 1, not 2.0" in post(client, thresholds="quiz: 2").content.decode()
    post(client, thresholds="quiz: 0.95", false_alarms="0.05")
    config = Run.objects.get(kind="scan").config
    assert (config["thresholds"], config["false_alarms"]) == ({"quiz": 0.95}, 0.05)


def test_the_api_takes_the_same_settings(versions, curator, client):
    said = {"training": "chats", "benchmarks": ["quiz"], "thresholds": {"quiz": 0.95}, "false_alarms": 0.02}
    base = "/api/v1/projects/default/scans"
    assert client.post(base, said, content_type="application/json").status_code == 202
    assert Run.objects.get(kind="scan").config["thresholds"] == {"quiz": 0.95}
    wrong = client.post(base, said | {"encoder": "maxilm"}, content_type="application/json")
    assert wrong.status_code == 422 and "no encoder" in wrong.json()["detail"]


def test_page_and_api_calibrate_meaning_on_another_version_of_rows(versions, version, curator, client):
    version("clean", "nothing of the kind either")
    form = client.get(reverse("scan-new", args=["default"])).context["form"]
    assert [name for name, _ in form.fields["background"].choices] == ["", "chats@1", "clean@1"]
    post(client, encoder="minilm", false_alarms="0.01", background="clean@1")
    said = {"training": "chats", "benchmarks": ["quiz"], "encoder": "minilm", "background": "clean"}
    base = "/api/v1/projects/default/scans"
    assert client.post(base, said, content_type="application/json").status_code == 202
    chosen = [run.inputs_of("background") for run in Run.objects.filter(kind="scan")]
    assert [[str(one) for one in some] for some in chosen] == [["clean@1"], ["clean@1"]]


def test_a_background_without_an_encoder_is_left_out_by_the_page_and_refused_elsewhere(
    versions, version, curator, client
):
    version("clean", "nothing of the kind either")
    post(client, background="clean@1")
    assert Run.objects.get(kind="scan").inputs_of("background") == []
    said = {"training": "chats", "benchmarks": ["quiz"], "background": "clean"}
    answer = client.post("/api/v1/projects/default/scans", said, content_type="application/json")
    assert answer.status_code == 422
    assert "choose an encoder with clean@1, or leave it out" in answer.json()["detail"]


def test_the_command_of_a_certificate_carries_all_settings_and_finds_the_same(versions, silent_bells):
    told = StringIO()
    call_command("scan", "chats", "--against", "quiz", "--threshold-for", "quiz=0.95", stdout=told)
    first = Run.objects.get(kind="scan")
    command = Check.objects.get().detail["recheck"]
    assert command.endswith("--profile default --threshold-for quiz=0.95 --against quiz@1")
    call_command(*command.split()[2:], stdout=told)
    again = Run.objects.filter(kind="scan").latest("pk")
    assert (again.config, again.summary["lines"]) == (first.config, first.summary["lines"])


def test_the_command_of_a_certificate_names_the_encoder(versions, monkeypatch):
    monkeypatch.setattr("decontam.tasks.meaning.load_encoder", _missing)
    finished(start_scan(versions[0], [versions[1]], ScanConfig(encoder="minilm", false_alarms=0.02)))
    assert "--encoder minilm --false-alarms 0.02" in Check.objects.get().detail["recheck"]


def _missing(name):
    raise BadConfig(f"The encoder {name} is not installed.")


def test_a_recheck_and_a_scan_of_new_items_keep_all_settings(versions, version, project):
    config = ScanConfig(thresholds={"quiz": 0.95}, n=9, threshold=0.6)
    first = finished(start_scan(versions[0], [versions[1]], config))
    assert start_recheck(project, Check.objects.get().detail).config == asdict(config)
    version("quiz", ITEM, "a question that nobody asked before this day", kind=Kind.BENCHMARK)
    assert start_rescan(first).config == asdict(config)
