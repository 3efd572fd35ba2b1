import pytest

from curation.engine.licences import KNOWN, Claim, inherit, licence


def verdict(*claims):
    return inherit(Claim(*claim) for claim in claims)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("CC BY-NC 4.0", "cc-by-nc-4.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "cc-by-sa-4.0"),
        ("CC-BY-SA", "cc-by-sa-4.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("Apache 2.0", "apache-2.0"),
        ("MIT License", "mit"),
        ("ODC-BY-1.0", "odc-by"),
        ("GPL-3.0-or-later", "gpl-3.0"),
        ("GNU GPL v3", "gpl-3.0"),
        ("GPL-3+", "gpl-3.0"),
        ("Apache+", "apache-2.0"),
        ("Llama 3.1 Community License", "llama3.1"),
        ("OpenAI Terms of Use", "openai-terms"),
        (None, "unknown"),
        ("  ", "unknown"),
        ("other", "unknown"),
        ("Our own terms!", "our-own-terms"),
        ("<script>", "script"),
    ],
)
def test_a_licence_is_known_by_what_people_write(said, meant):
    assert licence(said).id == meant
    assert licence(said).known == (meant in KNOWN)


def test_odd_spellings_lead_to_a_verdict():
    said = ("GPL-3+", "LGPL v3+", "Apache+", f"{'x' * 57} the the", "MIT", "+", "..")
    assert sum(verdict(*(("web", one, 1) for one in said)).found.values()) == len(said)


def test_every_licence_is_known_by_its_own_id():
    assert [licence(name).id for name in KNOWN] == list(KNOWN)


@pytest.mark.parametrize(
    ("licences", "inherited"),
    [
        (["mit", "mit"], "mit"),
        (["mit", "apache-2.0"], "apache-2.0"),
        (["cc0-1.0", "mit"], "mit"),
        (["cc-by-3.0", "cc-by-4.0"], "cc-by-4.0"),
        (["mit", "cc-by-nc-4.0", "odc-by"], "cc-by-nc-4.0"),
        (["cc-by-nc-4.0", "cc-by-nc-sa-4.0"], "cc-by-nc-sa-4.0"),
        (["cc-by-sa-3.0", "cc-by-sa-4.0", "mit"], "cc-by-sa-4.0"),
        (["mit", "gemma"], "gemma"),
        (["cc-by-sa-4.0", "cc-by-nc-4.0"], "other"),
        (["cc-by-sa-4.0", "odbl"], "other"),
        (["llama3.1", "gemma"], "other"),
        (["mit", None], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_most_restrictive_licence_wins_where_it_covers_all(licences, inherited):
    assert verdict(*((f"s{n}", one, 1) for n, one in enumerate(licences))).id == inherited


def test_the_verdict_says_which_rows_decide():
    found = verdict(("alpaca", "cc-by-nc-4.0", 1204), ("oasst1", "apache-2.0", 900))
    assert found.why == "cc-by-nc-4.0, because 1,204 rows of alpaca are under it"
    assert found.asks == (
        "Name the authors and keep their notices (apache-2.0, cc-by-nc-4.0).",
        "No commercial use (cc-by-nc-4.0).",
    )
    assert found.found == {"apache-2.0": 900, "cc-by-nc-4.0": 1204}
    assert verdict(("one", "mit", 1)).why == "mit, because every row is under it"


def test_two_share_alike_licences_contradict_each_other():
    found = verdict(("wiki", "cc-by-sa-4.0", 2), ("map", "odbl", 1))
    assert (found.id, found.name) == ("other", "cc-by-sa-4.0-and-odbl")
    assert found.conflicts == (
        "Two share-alike licences each want the whole under themselves: 2 rows of wiki are under cc-by-sa-4.0 "
        "and 1 row of map is under odbl.",
    )


def test_share_alike_and_non_commercial_contradict_each_other():
    found = verdict(("wiki", "cc-by-sa-4.0", 2), ("alpaca", "cc-by-nc-4.0", 1))
    assert found.name == "cc-by-nc-4.0-and-cc-by-sa-4.0"
    assert "free for commercial use, which cc-by-nc-4.0 forbids" in found.conflicts[0]


def test_what_may_not_be_changed_may_not_be_mixed():
    assert verdict(("poems", "cc-by-nd-4.0", 4)).conflicts == ()
    found = verdict(("poems", "cc-by-nd-4.0", 4), ("code", "mit", 1))
    assert found.id == "cc-by-nd-4.0"
    assert found.conflicts == (
        "cc-by-nd-4.0 allows no work made of it, and a mixture is one: 4 rows of poems are under cc-by-nd-4.0.",
    )


def test_terms_without_an_id_on_the_hub_go_by_their_name():
    found = verdict(("gpt4", "OpenAI terms", 5), ("code", "mit", 1))
    assert (found.id, found.name, found.shown) == ("other", "openai-terms", "openai-terms")
    assert "Under openai-terms, the outputs may not be used to build competing models." in found.asks


def test_an_unknown_licence_is_asked_about():
    found = verdict(("ours", "mit", 5), ("scraped", "", 7))
    assert found.ask == ("scraped",)
    assert found.why == "unknown, because nobody has said the licence of scraped (7 rows); ask"
    strange = verdict(("ours", "Our own terms", 5))
    assert (strange.id, strange.name) == ("other", "our-own-terms")
    assert strange.asks[-1] == "Read the terms of our-own-terms, which is no licence known here."


def test_many_sources_are_named_shortly():
    found = verdict(*((f"s{n}", "cc-by-4.0", 2) for n in range(5)), ("x", "mit", 1))
    assert found.why == "cc-by-4.0, because 10 rows of s0, s1, s2 and 2 more are under it"


def test_rows_that_are_not_counted_yet_are_not_named():
    assert verdict(("a", "mit", 0), ("b", "gemma", 0)).why == "gemma, because b is under it"
    assert verdict(("a", "mit", 0), ("b", "", 0)).because == "nobody has said the licence of b; ask"
