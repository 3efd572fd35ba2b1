"""The catalogue is data that holds together, and registering from it is an import like any other."""

import re

import pytest
from django.urls import reverse

from curation.engine.mapping import Mapping
from curation.engine.mapping.recognition import recognise
from curation.models import Run, Source
from curation.models.source import check_licence
from decontam.catalogue import CONVERTED, entries, entry


@pytest.mark.parametrize("one", entries(), ids=lambda one: one.key)
def test_every_entry_says_where_it_is_and_who_says_so(one):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", one.hub) and one.title and one.skill
    assert re.fullmatch(r"[a-z0-9-]{1,100}", one.key) and one.role in ("", *Source.BenchmarkRole.values)
    assert one.sources and all(address.startswith("https://") for address in one.sources.values())
    check_licence(one.licence)
    if one.mapping:
        assert Mapping.from_dict(one.mapping).fields["prompt"] == one.question


def test_the_roles_are_those_of_the_paper():
    held_out = {one.title for one in entries() if one.role == "unseen"}
    assert held_out == {
        "MMLU-Pro",
        "GPQA",
        "AGIEval English",
        "DeepMind Mathematics",
        "BigCodeBench",
        "IFEval-OOD",
        "HREF",
    }
    assert all("tulu3" in one.sources for one in entries() if one.role)


def test_one_part_is_read_as_its_converted_file_and_else_the_whole_dataset():
    part, whole = entry("gsm8k"), entry("bbh")
    assert part.location == (
        "https://huggingface.co/datasets/openai/gsm8k/resolve/refs%2Fconvert%2Fparquet/main/test/0000.parquet"
    )
    assert (part.revision, whole.location, whole.revision) == ("", "lukaemon/bbh", CONVERTED)
    assert part.mapping == {
        "shape": "question_answer",
        "fields": {"prompt": "question", "completion": "answer"},
    }


def test_the_page_finds_by_words_and_role(project, curator, client):
    address = reverse("catalogue", args=["default"])
    text = client.get(address).content.decode()
    assert f"{len(entries())} published benchmarks" in text and "TruthfulQA" in text
    code = client.get(address, {"words": "code big", "role": "unseen"}).content.decode()
    assert "BigCodeBench</th>" in code and "TruthfulQA" not in code
    assert "No benchmark of the catalogue fits" in client.get(address, {"words": "no such"}).content.decode()


def test_registering_starts_an_import_with_mapping_role_and_licence(project, curator, client):
    started = client.post(reverse("catalogue-register", args=["default", "gsm8k"]))
    run = Run.objects.get(kind="import")
    assert started.url == run.get_absolute_url()
    source = Source.objects.get(name="gsm8k")
    assert (source.split_role, source.benchmark_role, source.licence) == ("eval", "dev", "mit")
    assert (
        run.config["mapping"] == entry("gsm8k").mapping and run.config["location"] == entry("gsm8k").location
    )
    again = client.post(reverse("catalogue-register", args=["default", "gsm8k"]))
    assert again.status_code == 422 and "There is a source gsm8k already" in again.content.decode()
    assert client.post(reverse("catalogue-register", args=["default", "nothing"])).status_code == 404


def test_what_may_hold_more_than_the_items_is_looked_at_first(project, curator, client):
    refused = client.post(reverse("catalogue-register", args=["default", "deepmind-mathematics"]))
    assert refused.status_code == 422 and "looks at its files before" in refused.content.decode()
    assert not Run.objects.exists()
    page = client.get(reverse("catalogue", args=["default"]), {"words": "popqa"}).content.decode()
    address = reverse("source-new", args=["default"]) + "?" + entry("popqa").asked
    assert address.replace("&", "&amp;") in page
    form = client.get(address).content.decode()
    assert 'value="akariasai/PopQA"' in form and f'value="{CONVERTED}"' in form and 'value="popqa"' in form


def test_a_program_reads_the_catalogue_and_registers_with_a_role(project, curator, client):
    told = client.get("/api/v1/projects/default/catalogue").json()
    assert len(told) == len(entries()) and told[0]["title"] == "MMLU"
    started = client.post("/api/v1/projects/default/catalogue/gsm-symbolic?role=unseen")
    assert started.status_code == 202
    assert Source.objects.get(name="gsm-symbolic").benchmark_role == "unseen"
    assert client.post("/api/v1/projects/default/catalogue/math?role=both").status_code == 422


def test_reference_rows_of_decon_are_recognised_as_questions_with_answers():
    rows = [
        {
            "eval_key": "quiz",
            "config": "all",
            "split": "test",
            "eval_instance_index": number,
            "question": f"What is thing number {number} called?",
            "answer": f"choice {choice}",
            "passage": f"A story of thing {number}.",
            "choices": ["choice 0", "choice 1"],
            "is_correct": choice == 1,
            "fingerprint": f"{number:064}",
        }
        for number in range(3)
        for choice in range(2)
    ]
    mapping = recognise(rows)
    fields = {"prompt": "question", "context": "passage", "completion": "answer"}
    assert (mapping.shape, mapping.fields) == ("question_answer", fields)
