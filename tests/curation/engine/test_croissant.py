"""The description of an export for machines; tests/loaders/test_readers.py gives it to `mlcroissant`."""

import hashlib
import json

import pyarrow.parquet as pq
import pytest

from curation.engine.cards import croissant, croissant_at
from tests.curation.engine.test_cards import SOME, SOURCES, built, export


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("croissant")
    export(folder)
    return folder


@pytest.fixture
def described(folder):
    return json.loads((folder / "croissant.json").read_bytes())


def leaves(fields):
    for field in fields:
        yield from leaves(field["subField"]) if "subField" in field else [field]


def every(fields):
    for field in fields:
        yield field
        yield from every(field.get("subField", []))


def test_it_is_a_dataset_of_version_1_1_with_its_licence(described):
    assert (described["@type"], described["conformsTo"]) == (
        "sc:Dataset",
        "http://mlcommons.org/croissant/1.1",
    )
    assert (described["name"], described["license"], described["version"]) == (
        "demo-mix",
        "cc-by-nc-4.0",
        "3.0.0",
    )
    assert "export 3 of the mixture demo-mix" in described["citeAs"]
    assert described["isBasedOn"] == [
        "https://example.org/ecqa.tsv",
        "https://huggingface.co/datasets/teknium/GPTeacher",
    ]


def test_every_file_has_its_checksum_and_a_relative_address(folder, described):
    objects = [one for one in described["distribution"] if one["@type"] == "cr:FileObject"]
    assert {one["contentUrl"] for one in objects} == {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in (".parquet", ".jsonl")
    }
    for one in objects:
        body = (folder / one["contentUrl"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(body).hexdigest()
        assert one["contentSize"] == f"{len(body)} B"


def test_every_profile_is_a_record_set_whose_fields_are_its_columns(folder, described):
    sets = {one["@id"]: one for one in described["distribution"] if one["@type"] == "cr:FileSet"}
    assert [one["@id"] for one in described["recordSet"]] == list(SOME)
    for records in described["recordSet"]:
        (files,) = {leaf["source"]["fileSet"]["@id"] for leaf in leaves(records["field"])}
        paths = sorted(folder.glob(sets[files]["includes"]))
        assert len(paths) == 2
        schema = pq.read_schema(paths[0])
        assert [field["name"] for field in records["field"]] == schema.names
        assert {leaf["source"]["extract"]["column"] for leaf in leaves(records["field"])} == set(schema.names)
    identities = [field["@id"] for records in described["recordSet"] for field in every(records["field"])]
    assert len(identities) == len(set(identities))


def test_messages_have_sub_fields(described):
    messages = described["recordSet"][0]["field"][0]
    assert (messages["@id"], messages["isArray"]) == ("sft_messages/messages", True)
    role, content, calls = messages["subField"]
    assert role["dataType"] == content["dataType"] == "sc:Text"
    assert role["source"]["transform"] == {"jsonPath": "role"}
    name = calls["subField"][2]["subField"][0]
    assert name["source"]["transform"] == {"jsonPath": "tool_calls[*].function.name"}


def test_it_says_nothing_of_who_serves_it_until_it_is_asked(folder):
    made = (folder / "croissant.json").read_bytes()
    assert b"http://host" not in made
    there = json.loads(croissant_at(made, "http://host/files/"))
    assert there["url"] == "http://host/files/"
    addresses = [one["contentUrl"] for one in there["distribution"] if "contentUrl" in one]
    assert all(one.startswith("http://host/files/") and "//" not in one[7:] for one in addresses)


def test_equal_facts_have_an_equal_description():
    assert croissant(built()) == croissant(built(files=built().files[::-1], sources=SOURCES))
