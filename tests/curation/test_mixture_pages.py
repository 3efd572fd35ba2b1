import json

import pytest
from django.urls import reverse
from django.utils import timezone

from curation import gates, jobs
from curation.engine.mixing import Recipe
from curation.models import Check, Kind, Mixture, Project, Run
from curation.tasks.mixing import start_mix
from curation.tasks.profiling import start_profile

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def books(version):
    return version("books", *(f"book {i}" for i in range(10)))


@pytest.fixture
def web(version):
    return version("web", *(f"page {i}" for i in range(20)))


@pytest.fixture
def mixed(project, books, web, user):
    """Build a mixture of both: half of one, three rows of the other."""

    def make(name="mix", **more):
        parts = [{"dataset": "books", "fraction": 0.5}, {"dataset": "web", "rows": 3, **more}]
        run = start_mix(project, Recipe.of({"name": name, "seed": 1, "components": parts}), user=user)
        jobs.work(run.pk)
        run.refresh_from_db()
        assert run.status == "done", run.error
        return run.output("mixture")

    return make


def passes(version, against, run):
    said = {"passed": True, "run": run, "against": [against], "summary": "none found", "detail": {}}
    return Check.objects.record(version, "decontamination", **said)


def typed(*rows, **more):
    """What the editor sends for rows of (dataset, mode, value, cap, max_repeats)."""
    names = ("dataset", "mode", "value", "cap", "max_repeats")
    columns = zip(*rows, strict=True) if rows else [()] * 5
    return {"seed": "1", **more} | {name: list(column) for name, column in zip(names, columns, strict=True)}


def url(name, *args):
    return reverse(name, args=["default", *args])


def text(response):
    return response.content.decode()


def test_an_empty_list_teaches_with_a_recipe(client, curator):
    page = text(client.get(url("mixtures")))
    assert "fraction: 0.5" in page and url("mixture-new") in page


def test_the_list_says_what_a_mixture_is_made_of_and_what_stands_in_its_way(client, curator, mixed):
    page = text(client.get(url("mixtures"))) if mixed() else ""
    assert "books, web" in page and "mix@1" in page and "has no decontamination check" in page
    assert f"{url('scan-new')}?training=books@1" in page


def test_the_list_costs_the_same_for_one_mixture_and_for_five(
    client, curator, mixed, django_assert_max_num_queries
):
    for number in range(5):
        mixed(f"mix-{number}")
    client.get(url("mixtures"))
    with django_assert_max_num_queries(20):
        assert text(client.get(url("mixtures"))).count("has no decontamination check") == 10


def test_a_new_mixture_is_saved_and_built_from_the_editor(client, curator, books, web):
    sent = typed(("books", "fraction", "0.5", "", "1"), ("web@1", "rows", "10", "4", "1"), name="mix")
    assert client.post(url("mixture-new"), sent).url == url("mixture", "mix")
    assert Mixture.objects.get().recipe == (
        "name: mix\nseed: 1\ncomponents:\n- dataset: books\n  fraction: 0.5\n- dataset: web@1\n"
        "  rows: 10\n  cap: 4\n"
    )
    assert not Run.objects.filter(kind="mix").exists()
    run = Run.objects.get(pk=client.post(url("mixture-build", "mix")).url.rstrip("/").rpartition("/")[2])
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.summary["rows"] == 9 and run.user.username == "curator-1"
    page = text(client.get(url("mixture", "mix")))
    assert "mix@1, not ready to export" in page and "35.7" not in page and "55.6 %" in page


def test_saving_and_building_in_one_step_leads_to_the_run(client, curator, books):
    sent = typed(("books", "fraction", "1", "", "1"), name="mix", build="1")
    run = Run.objects.get(kind="mix") if (to := client.post(url("mixture-new"), sent).url) else None
    assert to == run.get_absolute_url()


def test_a_build_pins_versions_and_the_recipe_stays_as_it_was_written(mixed, project):
    version = mixed()
    assert [part["dataset"] for part in version.run.config["components"]] == ["books@1", "web@1"]
    assert [part.dataset for part in Mixture.objects.get().asked.components] == ["books", "web"]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (("", "rows", "3", "", "1"), "Choose a dataset."),
        (("nowhere", "rows", "3", "", "1"), "There is no version nowhere"),
        (("books", "rows", "99", "", "1"), "99 rows are wanted, but it has 10"),
        (("books", "rows", "1.5", "", "1"), "rows must be a whole number, not 1.5"),
        (("books", "rows", "many", "", "1"), "rows must be a whole number, not the text"),
        (("books", "fraction", "2", "", "1"), "repeats rows more often than max_repeats 1"),
        (("books", "rows", "", "", "1"), "give one of rows, tokens, fraction and weight"),
        (
            ("books", "volume", "1", "", "1"),
            "A component takes a fraction, rows, tokens or a weight, not volume.",
        ),
        (("books", "rows", "9" * 5000, "", "1"), "rows must be a whole number, not the text"),
    ],
)
def test_what_is_wrong_with_a_component_stands_beside_it_and_nothing_is_lost(
    client, curator, books, row, sentence
):
    answer = client.post(url("mixture-new"), typed(("books", "rows", "2", "7", "1"), row, name="mix"))
    page = text(answer)
    assert answer.status_code == 422 and not Mixture.objects.exists()
    beside = page[page.index('id="said-1"') :].split("</p>")[0]
    assert sentence in beside.replace("&#x27;", "'")
    assert 'value="7"' in page and 'value="mix"' in page


def test_a_name_that_is_taken_is_refused(client, curator, mixed, books):
    mixed()
    sent = typed(("books", "rows", "2", "", "1"), name="mix")
    assert "There is a mixture mix already" in text(client.post(url("mixture-new"), sent))
    sent["name"] = "books"
    assert "The name books stands for records here" in text(client.post(url("mixture-new"), sent))


def test_rows_are_added_and_removed_without_a_script(client, curator, books):
    row = ("books", "rows", "2", "", "1")
    page = text(client.post(url("mixture-new"), typed(row, name="mix", add="1")))
    assert "Component 2" in page and "<h1>" in page
    page = text(client.post(url("mixture-new"), typed(row, row, name="mix", remove="0")))
    assert "Component 2" not in page and not Mixture.objects.exists()


def test_a_fragment_answers_htmx(client, curator, books):
    sent = typed(("books", "rows", "2", "", "1"), name="mix", add="1")
    page = text(client.post(url("mixture-new"), sent, headers={"HX-Request": "true"}))
    assert "<h1>" not in page and 'id="editor"' in page


def test_rows_and_yaml_are_two_ways_to_write_one_recipe(client, curator, books):
    rows = typed(("books", "fraction", "0.5", "", "2"), name="mix")
    page = text(client.post(url("mixture-new"), rows | {"as": "yaml"}))
    assert "- dataset: books\n  fraction: 0.5\n  max_repeats: 2\n" in page
    recipe = "name: mix\nseed: 1\ncomponents:\n- dataset: books\n  rows: 4\n"
    page = text(client.post(url("mixture-new"), {"text": recipe, "as": "rows"}))
    assert 'value="4"' in page and 'value="mix"' in page
    assert client.post(url("mixture-new"), {"text": recipe}).status_code == 302


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ("name: [", "not valid YAML in line"),
        ("name: &a x\nseed: 1\ncomponents: [*a]", "aliases are not taken"),
        ("x" * 200_001, "longer than 200,000 characters"),
        (f"name: {HOSTILE}\nseed: 1\ncomponents: []", "name must be letters"),
    ],
)
def test_yaml_that_is_no_recipe_is_refused_and_kept(client, curator, recipe, sentence):
    answer = client.post(url("mixture-new"), {"text": recipe})
    assert answer.status_code == 422 and sentence in text(answer)
    assert HOSTILE not in text(answer)
    assert "Not saved." in text(answer) and "<textarea" in text(answer)
    back = client.post(url("mixture-new"), {"text": recipe, "as": "rows"})
    assert sentence in text(back) and "<textarea" in text(back)


def test_the_recipe_of_a_mixture_keeps_its_name(client, curator, mixed):
    mixed()
    recipe = "name: other\nseed: 1\ncomponents:\n- dataset: books\n  rows: 4\n"
    answer = client.post(url("mixture-edit", "mix"), {"text": recipe})
    assert answer.status_code == 422 and "This is the recipe of mix" in text(answer)


def test_totals_change_with_what_is_typed_and_keep_nothing(client, member, books, web):
    client.force_login(member("viewer"), backend="django.contrib.auth.backends.ModelBackend")
    sent = typed(("books", "fraction", "1", "4", "1"), ("web", "fraction", "2", "", "2"), name="mix")
    page = text(client.post(url("mixture-totals"), sent))
    assert "44 rows" in page and "capped" in page and "9.1 %" in page and "each 2.00 times" in page
    assert "books@1 has no decontamination check" in page and 'hx-swap-oob="true"' in page
    assert not Mixture.objects.exists()


def test_totals_of_something_half_typed_are_a_sentence_and_no_failure(client, curator, books):
    half = typed(("books", "fraction", "", "", "1"), ("", "rows", "", "", ""))
    answer = client.post(url("mixture-totals"), half)
    assert answer.status_code == 200 and "Choose a dataset." in text(answer)
    assert "Nothing to count yet" in text(client.get(url("mixture-totals")))
    assert "not valid YAML" in text(client.post(url("mixture-totals"), {"text": "a: ["}))


def test_totals_estimate_tokens_once_every_version_is_profiled(client, curator, books, web):
    sent = typed(("books", "rows", "5", "", "1"), name="mix")
    assert "tokens" not in text(client.post(url("mixture-totals"), sent))
    finished_profile = start_profile(books)
    jobs.work(finished_profile.pk)
    tokens = next(c for c in books.profile().facts["columns"] if c["name"] == "tokens")
    assert f"about {round(5 * tokens['mean'])} tokens" in text(client.post(url("mixture-totals"), sent))
    both = typed(("books", "rows", "5", "", "1"), ("web", "rows", "5", "", "1"), name="mix")
    assert "10 rows</h2>" in text(client.post(url("mixture-totals"), both))


def test_totals_say_the_licences_of_the_sources(client, curator, project, books, web):
    for version, licence in ((books, "cc-by-4.0"), (web, "cc-by-nc-4.0")):
        source = project.sources.create(
            name=version.dataset.name, kind="files", location="x", licence=licence, split_role="train"
        )
        version.dataset.source = source
        version.dataset.save()
    sent = typed(("books", "rows", "1", "", "1"), ("web", "rows", "1", "", "1"), name="mix")
    page = text(client.post(url("mixture-totals"), sent))
    assert "The card of an export will say <b>cc-by-nc-4.0</b>" in page and "cc-by-4.0" in page


def test_the_page_compares_the_last_two_builds(client, curator, mixed, web):
    mixed()
    mixed(cap=2)
    page = text(client.get(url("mixture", "mix")))
    assert "Against mix@1" in page and "−1" in page and "mix@2" in page


def test_the_page_says_when_a_component_has_a_newer_version(client, curator, project, books, version, user):
    parts = [{"dataset": "books@1", "rows": 2}]
    start_mix(project, Recipe.of({"name": "mix", "seed": 1, "components": parts}), user=user)
    version("books", "another")
    assert "books has a newer version" in text(client.get(url("mixture", "mix")))


def test_a_mixture_with_all_its_checks_is_ready(client, curator, mixed, version, books, web):
    made, quiz = mixed(), version("quiz", "q", kind=Kind.BENCHMARK)
    for leaf in (books, web):
        passes(leaf, quiz, made.run)
    page = text(client.get(url("mixture", "mix")))
    assert "mix@1, ready to export" in page and url("export-new", "mix") in page


def test_what_was_made_of_purged_rows_is_not_offered_for_export(client, curator, mixed, books, user):
    mixed()
    books.purge("revoked", by=user, at=timezone.now())
    page = text(client.get(url("mixture", "mix")))
    assert "which was purged; it cannot be exported" in page and url("export-new", "mix") not in page
    assert "it cannot be exported" in text(client.get(url("mixtures")))


def test_many_mixtures_are_as_ready_as_each_alone(project, mixed, version, books, web):
    made, quiz = [mixed("one"), mixed("two")], version("quiz", "q", kind=Kind.BENCHMARK)
    passes(books, quiz, made[0].run)
    together = gates.readiness(made, project)
    assert [list(map(str, together[one.pk].obstacles)) for one in made] == [
        gates.obstacles(one, project) for one in made
    ]


@pytest.mark.parametrize("role", ["viewer", "annotator", None])
def test_who_may_not_curate_changes_nothing(client, member, mixed, role, django_user_model):
    mixed()
    person = member(role) if role else django_user_model.objects.create_user("stranger")
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    wanted = 403 if role == "viewer" else 404
    sent = typed(("books", "rows", "1", "", "1"), name="other")
    assert client.post(url("mixture-new"), sent).status_code == wanted
    assert client.post(url("mixture-build", "mix")).status_code == wanted
    assert client.get(url("mixture", "mix")).status_code == (200 if role == "viewer" else 404)
    assert Mixture.objects.count() == 1


def test_a_mixture_of_another_project_is_not_found(client, curator):
    theirs = Project.objects.create(name="theirs")
    Mixture.objects.define(theirs, "mix", "name: mix\nseed: 1\ncomponents: []", by=None)
    assert client.get(url("mixture", "mix")).status_code == 404


def test_the_api_defines_counts_and_builds(client, curator, books):
    base, recipe = "/api/v1/projects/default", {"name": "mix", "seed": 1, "components": []}
    recipe["components"] = [{"dataset": "books", "fraction": 0.5}]

    def send(method, path, body=None):
        return getattr(client, method)(base + path, json.dumps(body), content_type="application/json")

    counted = send("post", "/mixture-totals", {"recipe": recipe}).json()
    assert (counted["rows"], counted["lines"][0]["version"]) == (5, "books@1")
    assert send("put", "/mixtures/mix", {"recipe": recipe}).json()["newest"] is None
    assert send("put", "/mixtures/mix", {"recipe": "name: mix"}).json() == {
        "detail": "The recipe has no seed"
    }
    assert "put it under that name" in send("put", "/mixtures/x", {"recipe": recipe}).json()["detail"]
    started = send("post", "/mixtures/mix/build")
    jobs.work(started.json()["run"])
    assert started.status_code == 202
    told = client.get(f"{base}/mixtures/mix").json()
    assert (told["newest"], told["rows"]) == ("mix@1", 5)
    assert told["in_the_way"] == ["books@1 has no decontamination check"]
    (listed,) = client.get(f"{base}/mixtures").json()["items"]
    assert listed["last_build"] == started.json()["run"]
