"""Versions, their columns and rows, one row with its story: on pages and through the API."""

import re

import pytest
from django.urls import reverse

from curation import jobs
from curation.models import Kind, Project, Run
from tests.conftest import record
from tests.populating import LEAKED, populate

HOSTILE = (
    "<script>alert(1)</script> [x](javascript:alert(2)) <img src=x onerror=alert(3)> \u202e "
    "$\\href{javascript:1}{x}$"
)


@pytest.fixture
def made(project, user, tmp_path, curator):
    return populate(project, user, tmp_path)


def page(client, name, *args, **query):
    return client.get(reverse(name, args=["default", *args]), query)


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def profiled(version):
    """The version, with its profile run carried out."""
    for run in Run.objects.active():
        jobs.work(run.pk)
    return version


def test_the_list_has_the_newest_version_of_everything(made, client):
    text = text_of(page(client, "datasets"))
    assert "chats-clean" in text and "first mixture" in text and "matches" in text


def test_a_name_leads_to_its_newest_version(made, client, version):
    version("chats-clean-2", "one")
    assert page(client, "dataset", "chats").url == reverse("version", args=["default", "chats", 1])
    assert page(client, "dataset", "nobody").status_code == 404


def test_the_explorer_shows_columns_rows_and_lineage(made, client):
    response = page(client, "version", "chats-clean", 1)
    text = text_of(response)
    assert "chats@1 4 records" in text and "chats-clean@1" in text and "first@1" in text
    assert "2 of 2" in text and "how many legs does a chair have" in text
    assert "tokens sort by it" in text and "has_system false" in text


def test_a_filter_narrows_the_rows_and_can_be_removed(version, client, curator):
    profiled(version("prompts", *(f"{'word ' * (i + 1)}" for i in range(30))))
    response = page(client, "version", "prompts", 1, prompt_chars="20..60")
    text = text_of(response)
    assert "8 of 30" in text and "prompt_chars from 20 to below 60" in text
    counted = page(client, "version-columns", "prompts", 1, prompt_chars="20..60").content.decode()
    assert 'data-is="counted"' in counted and "<html" not in counted


def test_pages_go_by_key_in_both_directions(version, client, curator):
    profiled(version("prompts", *(f"prompt {i}" for i in range(45))))
    second = page(client, "version", "prompts", 1, after=19)
    assert "prompt 20" in text_of(second) and "prompt 39" in text_of(second)
    assert "before=20" in second.content.decode() and "after=39" in second.content.decode()
    assert "prompt 0 " in text_of(page(client, "version", "prompts", 1, before=20))


def test_rows_are_sorted_by_a_column(version, client, curator):
    profiled(version("prompts", "a", "a much longer prompt than the other", "of middle length"))
    text = text_of(page(client, "version", "prompts", 1, sort="-tokens"))
    assert text.index("much longer") < text.index("middle length")


def test_words_are_found_in_any_turn(version, client, curator):
    profiled(version("prompts", "nothing", "a heron at dusk", answer="A HERON, yes"))
    assert "2 found, all there are" in text_of(page(client, "version", "prompts", 1, q="heron"))
    assert "1 found" in text_of(page(client, "version", "prompts", 1, q="dusk heron"))
    assert "No turn of this version has these words" in text_of(
        page(client, "version", "prompts", 1, q="egret")
    )


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"colour": "red"}, "There is no column"),
        ({"tokens": "many"}, "whole number"),
        ({"tokens": "9..1"}, "a range goes up"),
        ({"after": "x"}, "whole number"),
        ({"limit": "100000"}, "A page has 1 to 200 rows"),
    ],
)
def test_a_question_that_cannot_be_meant_is_answered_with_a_sentence(
    version, client, curator, query, sentence
):
    profiled(version("prompts", "one"))
    response = page(client, "version", "prompts", 1, **query)
    assert response.status_code == 422 and sentence in response.content.decode()


def test_a_version_without_a_profile_shows_its_rows_and_offers_to_look(version, client, curator):
    version("prompts", "one", "two")
    Run.objects.filter(kind="profile").update(status="cancelled")
    text = text_of(page(client, "version", "prompts", 1))
    assert "Look at its columns" in text and "one" in text
    response = client.post(reverse("version-profile", args=["default", "prompts", 1]))
    assert response.url == Run.objects.filter(kind="profile").latest("pk").get_absolute_url()


@pytest.mark.parametrize(
    "name", ["chats-matches", "chats-removed", "chats-rejects", "rulings", "chats-causes", "first-origins"]
)
def test_tables_of_evidence_are_shown_as_they_are(made, client, name):
    response = page(client, "version", name, 1)
    assert response.status_code == 200 and "<tbody>" in response.content.decode()


def test_plain_tables_go_on_by_position(version, client, curator, project):
    made = version("items", *(f"item {i}" for i in range(120)))
    made.dataset.kind = Kind.REMOVED
    made.dataset.save()
    assert "after=50" in page(client, "version", "items", 1).content.decode()
    last = page(client, "version", "items", 1, after=100).content.decode()
    assert "item 119" in last and "item 99" not in last and "after=" not in last


@pytest.mark.parametrize("name", ["version-checks", "version-files", "version-uses", "version-compare"])
def test_every_tab_of_a_version_answers(made, client, name):
    assert page(client, name, "chats", 1).status_code == 200


def test_two_versions_are_compared_row_by_row(version, client, curator):
    version(
        "prompts", record("prompts", 1, "same"), record("prompts", 2, "was"), record("prompts", 3, "gone")
    )
    version("prompts", record("prompts", 1, "same"), record("prompts", 2, "is"), record("prompts", 4, "new"))
    text = text_of(page(client, "version-compare", "prompts", 2))
    assert "gone 1" in text and "new 1" in text and "changed 1" in text and "same 1" in text


def test_a_row_says_what_it_says_and_why_it_is_gone(made, client):
    text = text_of(page(client, "row", "chats", 1, made.record_id))
    assert LEAKED.upper() in text and "imported from chats.jsonl#1" in text and "removed: " in text
    gone = page(client, "row", "chats-clean", 1, made.record_id)
    assert gone.status_code == 200 and "is not in chats-clean@1" in gone.content.decode()


def test_a_row_that_nobody_has_is_answered_with_a_sentence(made, client):
    response = page(client, "row", "chats", 1, "0" * 32)
    assert response.status_code == 422 and "No version of chats" in response.content.decode()


def test_text_is_rendered_raw_or_with_what_cannot_be_seen(version, client, curator):
    made = version("prompts", "**bold** and\u200b hidden")
    (row,) = [row for batch in made.batches(["id"]) for row in batch.column("id").to_pylist()]
    rendered = page(client, "row", "prompts", 1, row).content.decode()
    assert "<strong>bold</strong>" in rendered and "Invisible characters" in rendered
    raw = page(client, "row", "prompts", 1, row, raw="1").content.decode()
    assert "**bold**" in raw
    assert 'class="inv"' in page(client, "row", "prompts", 1, row, reveal="1").content.decode()


def test_a_long_text_is_cut_and_can_be_seen_whole(version, client, curator):
    made = version("prompts", "x" * 150_000 + " the end")
    (row,) = [row for batch in made.batches(["id"]) for row in batch.column("id").to_pylist()]
    cut = page(client, "row", "prompts", 1, row).content.decode()
    assert "50,008 more characters" in cut and "the end" not in cut
    assert "the end" in page(client, "row", "prompts", 1, row, raw="1", whole="1").content.decode()


def test_hostile_text_stays_text_on_every_page_that_shows_it(version, client, curator):
    made = profiled(version("prompts", HOSTILE, answer=HOSTILE))
    (row,) = [row for batch in made.batches(["id"]) for row in batch.column("id").to_pylist()]
    pages = [page(client, "version", "prompts", 1), page(client, "version", "prompts", 1, q="alert")]
    pages += [page(client, "row", "prompts", 1, row, **look) for look in ({}, {"raw": "1"}, {"reveal": "1"})]
    for response in pages:
        text = response.content.decode()
        assert response.status_code == 200
        assert "<script>alert" not in text and "<img src=x" not in text and 'href="javascript' not in text


def test_what_belongs_to_another_project_is_not_there(made, client, curator):
    theirs = Project.objects.create(name="theirs")
    curator.memberships.create(project=theirs, role="curator")
    for name in ("version", "version-files", "version-columns"):
        assert client.get(reverse(name, args=["theirs", "chats", 1])).status_code == 404
    assert client.get(f"/api/v1/rows/{made.record_id}/story", {"project": "theirs"}).status_code == 422


def test_pages_take_a_constant_number_of_queries(made, client, django_assert_max_num_queries):
    page(client, "version", "chats-clean", 1)
    for name, args, most in (
        ("datasets", (), 12),
        ("version", ("chats-clean", 1), 34),
        ("version-uses", ("chats", 1), 18),
    ):
        with django_assert_max_num_queries(most):
            page(client, name, *args)


def test_the_api_tells_the_same(made, client):
    base = "/api/v1/projects/default/datasets"
    told = client.get(f"{base}/chats-clean/1").json()
    assert (told["name"], told["rows"], len(told["shards"])) == ("chats-clean@1", 2, 1)
    assert {"tokens", "turns"} <= {column["name"] for column in told["columns"]}
    rows = client.get(f"{base}/chats-clean/1/rows", {"turns": "2..3", "limit": 1}).json()
    assert (rows["matching"], len(rows["items"]), rows["next"]) == (2, 1, 0)
    row = client.get(f"{base}/chats-clean/1/rows/{rows['items'][0]['id']}").json()
    assert row["messages"][0]["content"] == "how many legs does a chair have"
    counts = client.get(f"{base}/chats-clean/1/histogram/turns").json()
    assert counts["rows"] == 2 and sum(one["rows"] for one in counts["bins"]) == 2
    assert client.get(f"{base}/chats-clean/1/histogram/colour").status_code == 422


def test_a_row_tells_its_story_to_a_program(made, client):
    steps = client.get(f"/api/v1/rows/{made.record_id}/story").json()
    assert [step["what"].split(" ")[0] for step in steps][:2] == ["imported", "matches"]
    missing = client.get("/api/v1/rows/none-of-them/story")
    assert missing.status_code == 422 and "No dataset that you may see" in missing.json()["detail"]
