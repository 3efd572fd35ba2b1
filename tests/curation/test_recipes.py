"""Published recipes: what the files say, and what a project makes of them."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from curation.catalogue import STAGES, recipe, recipes
from curation.engine.licences import licence
from curation.engine.mixing import parse
from curation.models import Source
from curation.questions.recipes import drafted

API = "/api/v1/projects/default/recipes"


def text(response):
    return response.content.decode()


def url(name, *args):
    return reverse(name, args=["default", *args])


@pytest.fixture
def imported(project, version):
    """A version of the rows of a source, at a place, as an import leaves it."""

    def make(name, *said, location="", kind=Source.Location.HUB, role=Source.SplitRole.TRAIN):
        made = version(name, *said)
        source, _ = Source.objects.get_or_create(
            project=project,
            name=name,
            defaults={"kind": kind, "location": location or name, "split_role": role},
        )
        made.dataset.source = source
        made.dataset.save()
        return made

    return make


@pytest.mark.parametrize("published", recipes(), ids=lambda one: one.name)
def test_every_line_has_a_source_and_a_known_licence_or_none(published):
    assert published.stage in STAGES and published.about
    assert all(one.source.startswith("https://") for one in published.lines)
    assert all(licence(one.licence).known for one in (*published.lines, published) if one.licence)
    names = [one.name for one in published.lines]
    assert len(names) == len(set(names))
    assert all(one.rows is None or one.rows > 0 for one in published.lines)


def test_the_table_of_tulu_3_adds_up():
    assert sum(one.rows for one in recipe("tulu-3-sft").lines) == recipe("tulu-3-sft").rows == 939_344
    assert sum(one.rows for one in recipe("tulu-3-rlvr").lines) == recipe("tulu-3-rlvr").rows == 29_946


def test_what_does_not_add_up_is_said():
    for published in recipes():
        known = [one.rows for one in published.lines]
        if None in known or sum(known) != published.rows:
            assert published.open, published.name


def test_sources_are_matched_by_hub_id_and_by_name(project, imported):
    imported("my-coconuts", "a", "b", location="allenai/coconot")
    imported("Lima", "c", kind=Source.Location.FILES, location="/data/lima.jsonl")
    imported("elsewhere", "d", location="someone/else")
    draft = drafted(project, recipe("tulu-3-sft"))
    assert [(one.line.name, one.rows, one.short) for one in draft.found] == [("coconot", 2, 10_981)]
    assert len(draft.missing) == 18
    assert [(c.dataset, c.rows) for c in draft.recipe.components] == [("my-coconuts", 2)]
    lima = drafted(project, recipe("tulu-2-sft"))
    assert [(c.dataset, c.rows) for c in lima.recipe.components] == [("Lima", 1)]


def test_two_lines_of_one_dataset_are_one_component(project, imported):
    imported("flan-cot", "a", location="x/flan")
    imported("flan-v2", "b", "c", location="y/flan")
    draft = drafted(project, recipe("tulu-2-sft"))
    assert [(c.dataset, c.rows) for c in draft.recipe.components] == [("flan-v2", 2), ("flan-cot", 1)]


def test_the_whole_mixture_is_taken_where_none_of_its_parts_is_here(project, imported):
    imported("tulu", "a", "b", location="allenai/tulu-3-sft-mixture")
    draft = drafted(project, recipe("tulu-3-sft"))
    assert draft.missing == () and [c.dataset for c in draft.recipe.components] == ["tulu"]


def test_benchmarks_are_no_sources_of_a_recipe(project, imported):
    imported("lima", "a", location="GAIR/lima", role=Source.SplitRole.EVAL)
    assert drafted(project, recipe("tulu-2-sft")).recipe is None


def test_the_pages_list_and_show_a_recipe(client, curator, imported, django_assert_max_num_queries):
    imported("coconot", "a", location="allenai/coconot")
    assert "939,344" in text(client.get(url("recipes")))
    client.get(url("recipe", "tulu-3-sft"))
    with django_assert_max_num_queries(12):
        page = text(client.get(url("recipe", "tulu-3-sft")))
    assert "1 of 19 sources are here" in page and url("version", "coconot", 1) in page
    assert "where=allenai%2FWildChat-1M" in page and "10,982 fewer" in page
    assert client.get(url("recipe", "nothing")).status_code == 404
    editor = text(client.get(url("mixture-new"), {"recipe": "tulu-3-sft"}))
    assert 'value="tulu-3-sft"' in editor and "coconot" in editor
    assert client.get(url("mixture-new"), {"recipe": "nothing\x00"}).status_code == 200


def test_a_viewer_may_look_but_not_register(client, member, project):
    client.force_login(member("viewer"), backend="django.contrib.auth.backends.ModelBackend")
    page = text(client.get(url("recipe", "tulu-3-sft")))
    assert "Nothing of it is here yet" in page and "register it" not in page


def test_the_api_gives_a_draft_and_what_is_missing(client, curator, imported):
    imported("coconot", "a", location="allenai/coconot")
    assert {one["name"] for one in client.get(API).json()} >= {"tulu-3-sft", "tulu-2-sft", "olmo-2-sft"}
    found = client.get(f"{API}/tulu-3-sft").json()
    assert found["found"] == [{"line": "coconot", "version": "coconot@1", "rows": 1, "short": 10_982}]
    assert "wildchat" in found["missing"] and found["inherits"].startswith("unknown, because")
    assert parse(found["recipe"]).components[0].dataset == "coconot"
    assert client.get(f"{API}/nothing").status_code == 404


def test_the_command_lists_shows_and_drafts(project, imported):
    def said(*args):
        out = StringIO()
        call_command("recipe", *args, stdout=out)
        return out.getvalue()

    imported("coconot", "a", location="allenai/coconot")
    assert "939,344 rows   19 sources" in said("list")
    assert "not said" in said("show", "olmo-2-sft") and "Open: " in said("show", "olmo-2-sft")
    drafted_text = said("draft", "tulu-3-sft")
    assert "here     CoCoNot: 1 rows of coconot@1, 10,982 fewer than published" in drafted_text
    assert "import LipengCS/Table-GPT --name table-gpt --licence mit --project default" in drafted_text
    assert "- dataset: coconot\n  rows: 1" in drafted_text
    assert json.loads(said("draft", "tulu-3-sft", "--json"))["missing"][0]["line"] == "FLAN v2"
    assert "Nothing of it is here yet" in said("draft", "olmo-2-7b-dpo")
    with pytest.raises(CommandError, match="There is no published recipe x"):
        call_command("recipe", "show", "x")
