"""The editor beyond rows and fractions: budgets, strata, tokenizers, mixer lists, and two mixtures compared."""

import hashlib
import json

import pytest
from django.urls import reverse
from django.utils import timezone

from curation.engine.errors import DataError
from curation.engine.mixing import Recipe
from curation.models import Mixture, Project, Run, Version
from curation.tasks.counting import start_count
from curation.tasks.mixing import start_mix
from curation.tasks.profiling import start_profile

WORDS = {
    "version": "1.0",
    "added_tokens": [],
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
}
API = "/api/v1/projects/default"


@pytest.fixture
def books(version, ended):
    made = version("books", *(f"book {n}" for n in range(10)))
    ended(Run.objects.filter(kind="profile", inputs=made).first() or start_profile(made))
    return made


@pytest.fixture
def web(version, ended):
    made = version("web", *(f"page {n}" for n in range(20)))
    ended(Run.objects.filter(kind="profile", inputs=made).first() or start_profile(made))
    return made


@pytest.fixture
def build(project, user, ended):
    def make(name, *components, **whole):
        recipe = Recipe.of({"name": name, "seed": 1, "components": list(components), **whole})
        return ended(start_mix(project, recipe, user=user)).output("mixture")

    return make


def url(name, *args):
    return reverse(name, args=["default", *args])


def text(response):
    return response.content.decode().replace("&#x27;", "'").replace("&quot;", '"')


def post(client, path, body):
    return client.post(f"{API}{path}", json.dumps(body), content_type="application/json")


def sent(*rows, **more):
    names = ("dataset", "mode", "value", "floor", "cap", "max_repeats")
    return (
        {"seed": "1", "name": "mix"}
        | dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        | more
    )


WEIGHTED = [("books", "weight", "3", "", "5", "1"), ("web", "weight", "1", "", "", "1")]


def test_weights_share_a_budget_and_the_page_says_what_a_cap_did(client, curator, books, web):
    form = sent(*WEIGHTED, budget_in="rows", budget="12")
    page = text(client.post(url("mixture-totals"), form))
    assert "12 rows" in page and "<b>capped</b>: 9 rows without it" in page
    assert client.post(url("mixture-new"), form).status_code == 302
    assert Mixture.objects.get().recipe == (
        "name: mix\nseed: 1\nrows: 12\ncomponents:\n- dataset: books\n  weight: 3.0\n  cap: 5\n"
        "- dataset: web\n  weight: 1.0\n"
    )
    page = text(client.get(url("mixture-edit", "mix")))
    assert 'name="budget" value="12"' in page and 'name="value" value="3.0"' in page


def test_weights_without_a_budget_are_a_sentence_beside_the_totals_and_nothing_is_lost(
    client, curator, books, web
):
    form = sent(*WEIGHTED)
    assert "books has a weight, and the recipe no budget" in text(client.post(url("mixture-totals"), form))
    answer = client.post(url("mixture-new"), form)
    assert answer.status_code == 422 and 'name="cap" value="5"' in text(answer)


def test_tokens_say_how_they_are_counted(client, curator, books):
    form = sent(("books", "tokens", "20", "", "", "1"))
    page = text(client.post(url("mixture-totals"), form))
    assert "20 tokens" in page and "Tokens are counted as bytes / 4." in page and "≈" in page


STRATA = {
    "stratum_of": ["0", "0"],
    "stratum_by": ["source", "tokens"],
    "stratum_value": ["books", "0..512"],
    "stratum_mode": ["rows", "share"],
    "stratum_amount": ["4", "0.5"],
}


def test_strata_are_typed_counted_and_kept(client, curator, books):
    form = sent(("books", "rows", "8", "", "", "1"), **STRATA)
    refused = text(client.post(url("mixture-totals"), form))
    assert "books: tokens 0..512: 4 rows are wanted, but it has 0" in refused
    form["stratum_value"] = ["nobody", "0..512"]
    form["stratum_amount"] = ["0", "0.5"]
    page = text(client.post(url("mixture-totals"), form))
    assert ("tokens 0..512, of 10" in page and "the rest, of 0" in page) or "are wanted" in page
    form["stratum_amount"] = ["0", "1"]
    assert client.post(url("mixture-new"), form).status_code == 302
    (component,) = Mixture.objects.get().asked.components
    assert [(s.by, s.value, s.low, s.high, s.rows, s.share) for s in component.strata] == [
        ("source", "nobody", None, None, 0, None),
        ("tokens", None, 0, 512, None, 1.0),
    ]
    page = text(client.get(url("mixture-edit", "mix")))
    assert 'value="0..512"' in page and 'value="nobody"' in page


def test_strata_are_added_and_removed_without_a_script(client, curator, books):
    row = ("books", "rows", "8", "", "", "1")
    page = text(client.post(url("mixture-new"), sent(row, **STRATA, add_stratum="0")))
    assert page.count('name="stratum_by"') == 3
    page = text(client.post(url("mixture-new"), sent(row, **STRATA, remove_stratum="0.0")))
    assert page.count('name="stratum_by"') == 1 and 'value="0..512"' in page
    for wrong in ({"add_stratum": "9"}, {"remove_stratum": "0.x"}, {"remove_stratum": "-1.0"}):
        page = text(client.post(url("mixture-new"), sent(row, **STRATA, **wrong)))
        assert page.count('name="stratum_by"') == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"stratum_by": ["row", "tokens"]}, "by must be language, source"),
        ({"stratum_value": ["", "0..512"]}, "needs a value, or a range"),
        ({"stratum_amount": ["4", "half"]}, "share must be a number like 0.5, not the text 'half'"),
        ({"stratum_mode": ["rows", "percent"]}, "A stratum gives share or rows, not percent."),
        ({"budget_in": "rows", "budget": "1.0"}, "rows must be a whole number, not 1.0"),
        ({"budget_in": "rows", "budget": "0,5"}, "rows must be a whole number, not the text '0,5'"),
        ({"tokenizer": "nowhere"}, None),
    ],
)
def test_what_is_wrong_with_the_rest_is_said_and_kept(client, curator, books, change, sentence):
    form = sent(("books", "rows", "8", "", "", "1"), **(STRATA | change))
    answer = client.post(url("mixture-new"), form)
    assert answer.status_code == 422
    assert sentence is None or sentence in text(answer)
    assert 'name="value" value="8"' in text(answer)


def test_totals_of_many_components_ask_a_constant_number_of_queries(
    client, curator, books, web, django_assert_max_num_queries
):
    form = sent(*WEIGHTED, budget_in="tokens", budget="12")
    client.post(url("mixture-totals"), form)
    with django_assert_max_num_queries(24):
        client.post(url("mixture-totals"), form)


@pytest.fixture
def words(settings, tmp_path):
    """A tokenizer whose tokens are words."""
    settings.TOKENIZERS = tmp_path / "tokenizers"
    (settings.TOKENIZERS / "words").mkdir(parents=True)
    (settings.TOKENIZERS / "words" / "tokenizer.json").write_text(json.dumps(WORDS))


def test_a_tokenizer_counts_a_version_once_and_budgets_go_by_it(client, curator, books, words, ended, build):
    form = sent(("books", "tokens", "12", "", "", "1"), tokenizer="words")
    page = text(client.post(url("mixture-totals"), form))
    assert "The tokens of books@1 are not counted by words yet" in page and "Count the tokens" in page
    page = text(client.post(url("mixture-new"), form | {"count_tokens": "1"}))
    assert "The tokens of books@1 are being counted by words." in page
    assert "They are being counted already." in text(
        client.post(url("mixture-new"), form | {"count_tokens": "1"})
    )
    counted = ended(Run.objects.get(kind="tokens")).output("tokens")
    assert (counted.facts["tokens"], counted.dataset.name) == (40, "books-tokens-words")  # book 1 Yes .
    page = text(client.post(url("mixture-totals"), form))
    assert "12 tokens" in page and "Tokens are counted by words." in page
    made = build("mix", {"dataset": "books", "tokens": 12}, tokenizer="words")
    assert (made.rows, made.facts["shares"][0]["tokens"]) == (3, 12)
    assert post(client, "/datasets/books/1/tokens", {"tokenizer": "words"}).status_code == 202


def test_what_another_file_of_the_tokenizer_counted_is_counted_again(
    client, curator, settings, books, web, words, ended, build
):
    def count(name):
        ended(start_count(Version.objects.get(dataset__name=name), "words"))

    form = sent(
        ("books", "tokens", "12", "", "", "1"), ("web", "tokens", "8", "", "", "1"), tokenizer="words"
    )
    parts = [{"dataset": "books", "tokens": 12}, {"dataset": "web", "tokens": 8}]
    count("books")
    file, first = settings.TOKENIZERS / "words" / "tokenizer.json", json.dumps(WORDS)
    file.write_text(json.dumps(WORDS | {"pre_tokenizer": {"type": "WhitespaceSplit"}}))
    count("web")
    page = text(client.post(url("mixture-totals"), form))
    assert "The tokens of books@1 are not counted by words yet" in page and "web@1 are not" not in page
    with pytest.raises(DataError, match="The tokens of books@1 are not counted"):
        build("mix", *parts, tokenizer="words")
    page = text(client.post(url("mixture-new"), form | {"count_tokens": "1"}))
    assert "The tokens of books@1 are being counted by words." in page
    ended(Run.objects.filter(kind="tokens").latest("pk"))
    made = build("mix", *parts, tokenizer="words")
    assert made.facts["tokenizer_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_text(first)
    page = text(client.post(url("mixture-totals"), form))
    assert "The tokens of web@1 are not counted by words yet" in page and "books@1 are not" not in page
    file.unlink()
    page = text(client.post(url("mixture-new"), form | {"count_tokens": "1"}))
    assert "There is no tokenizer words" in page


def test_a_tokenizer_that_is_not_there_is_refused(client, curator, books):
    answer = post(client, "/datasets/books/1/tokens", {"tokenizer": "llama"})
    assert answer.status_code == 422 and "There is no tokenizer llama; there are: bytes/4" in text(answer)
    page = text(
        client.post(
            url("mixture-new"),
            sent(("books", "tokens", "1", "", "", "1"), tokenizer="llama", count_tokens="1"),
        )
    )
    assert "There is no tokenizer llama" in page


LIST = "--dataset_mixer_list books 1 \\\n  elsewhere/WEB.jsonl 2.0 missing/one 0.5 --dataset_mixer_list_splits train"


def test_a_mixer_list_comes_up_in_the_editor_with_what_is_missing(client, curator, books, web):
    page = text(client.post(url("mixer-import"), {"list": LIST}))
    assert "books 1 is one row; 1.0 would be all of them" in page
    assert "Not in this project: missing/one" in page and url("mixture-new") in page
    assert 'name="value" value="2.0"' in page and 'name="max_repeats" value="2"' in page
    assert page.count("Choose one") == 1 and not Mixture.objects.exists()


@pytest.mark.parametrize("wrong", ["", "books", "books many", "books '1", "books -1", "books 1e3"])
def test_a_list_that_is_none_is_refused_and_kept(client, curator, wrong):
    answer = client.post(url("mixer-import"), {"list": wrong})
    assert answer.status_code == 422 and "Not read." in text(answer) and wrong in text(answer)


def test_a_mixture_goes_out_as_a_mixer_list(client, curator, books, web, build):
    build("mix", {"dataset": "books", "fraction": 1.0}, {"dataset": "web", "fraction": 0.5, "cap": 7})
    answer = client.get(url("mixer-export", "mix"))
    assert "--dataset_mixer_list books@1 1.0 web@1 7" in text(answer)
    assert "mix-1.mixer.txt" in answer[
        "Content-Disposition"
    ] and "no export that open-instruct reads" in text(answer)
    told = client.get(f"{API}/mixtures/mix/mixer-list").json()
    assert told["version"] == "mix@1" and told["text"] == text(answer)
    read = post(client, "/mixer-list", {"list": LIST}).json()
    assert read["components"] == [
        {"dataset": "books", "rows": 1},
        {"dataset": "web", "fraction": 2.0, "max_repeats": 2},
    ]
    assert read["missing"] == ["missing/one"]


def test_two_mixtures_are_compared_by_components_sources_rows_and_recipes(client, curator, books, web, build):
    build("mix", {"dataset": "books", "fraction": 1.0})
    build("mix", {"dataset": "books", "rows": 4}, {"dataset": "web", "rows": 3})
    page = text(client.get(url("mixture-diff", "mix")))
    assert "mix@2 against mix@1" in page and "only in mix@1" in page and "−6" in page and "+3" in page
    assert "<del><code>  fraction: 1.0</code></del>" in page and "<ins><code>  rows: 4</code></ins>" in page
    told = client.get(f"{API}/mixtures/mix/diff").json()
    assert {one["kind"]: one["rows"] for one in told["rows"]} == {
        "gone": 6,
        "new": 3,
        "changed": 0,
        "same": 4,
    }
    assert told["sources"] == [
        {"name": "books", "here": 4, "there": 10},
        {"name": "web", "here": 3, "there": None},
    ]
    build("other", {"dataset": "web", "rows": 5})
    page = text(client.get(url("mixture-diff", "mix"), {"of": "mix@1", "with": "other"}))
    assert "mix@1 against other@1" in page


def test_what_cannot_be_compared_is_said(client, curator, books, build):
    build("mix", {"dataset": "books", "fraction": 1.0})
    assert "nothing to compare mix with" in text(client.get(url("mixture-diff", "mix")))
    answer = client.get(url("mixture-diff", "mix"), {"with": "books"})
    assert answer.status_code == 422 and "only mixtures are compared here" in text(answer)
    assert client.get(f"{API}/mixtures/mix/diff").status_code == 422


def test_a_version_is_compared_with_the_one_before_it_that_is_still_there(
    client, curator, user, books, web, build, monkeypatch
):
    build("mix", {"dataset": "books", "fraction": 1.0})
    gone = build("mix", {"dataset": "books", "rows": 5})
    build("mix", {"dataset": "books", "rows": 4})
    build("mix", {"dataset": "web", "rows": 4})
    for rows in (1, 2):
        build("other", {"dataset": "web", "rows": rows})
    gone.purge("a mistake", by=user, at=timezone.now())
    monkeypatch.setattr("curation.views.mixers.MOST", 3)
    for of, pair in {"mix@3": ("mix@3", "mix@1"), "other": ("other@2", "other@1")}.items():
        told = client.get(f"{API}/mixtures/mix/diff", {"of": of}).json()
        assert (told["here"], told["there"]) == pair
        page = text(client.get(url("mixture-diff", "mix"), {"of": of}))
        assert " against ".join(pair) in page
        assert all(f"<option selected>{one}</option>" in page for one in pair)
    assert "other@2 against other@1" in text(client.get(url("mixture-diff", "other")))


def test_of_the_first_version_it_is_said_that_none_is_before_it(client, curator, books, build):
    for rows in (1, 2):
        build("mix", {"dataset": "books", "rows": rows})
    asked = {"of": "mix@1"}
    for address in (f"{API}/mixtures/mix/diff", url("mixture-diff", "mix")):
        answer = client.get(address, asked)
        assert answer.status_code == 422 and "There is no version before mix@1" in text(answer)


@pytest.mark.parametrize("name", ["mixture-diff", "mixer-export"])
def test_a_mixture_of_another_project_is_not_found(client, curator, name):
    Mixture.objects.define(Project.objects.create(name="theirs"), "mix", "name: mix", by=None)
    assert client.get(url(name, "mix")).status_code == 404


def test_the_api_tells_totals_whole(client, curator, books, web):
    strata = [{"by": "tokens", "low": 0, "share": 1.0}]
    parts = [{"dataset": "books", "weight": 1, "floor": 8}, {"dataset": "web", "weight": 9, "strata": strata}]
    told = post(
        client, "/mixture-totals", {"recipe": {"name": "m", "seed": 1, "rows": 20, "components": parts}}
    ).json()
    one, two = told["lines"]
    assert (one["rows"], one["floored"], one["asked"]) == (8, True, 2)
    assert (two["rows"], two["strata"][0]) == (
        12,
        {"name": "tokens 0..", "available": 20, "rows": 12, "tokens": None},
    )
    assert (told["tokenizer"], told["left_out"], told["error"]) == ("bytes/4", 0, "")
