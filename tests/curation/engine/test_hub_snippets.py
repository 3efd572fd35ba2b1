import yaml

from curation.engine.hub_snippets import Reach, hub_snippets
from curation.engine.snippets import Loading

SHARDS = [f"sft_messages/data/train-{i:05d}-of-00002.parquet" for i in range(2)]
LOADING = Loading("mix-3", "sft_messages", "https://w/api/files/", files=SHARDS)
HUB = Reach("https://w/hf", "team/mix", "v3")
LINKED = Reach("https://w/hf", "team/mix", "v3", "https://w/d/1.abc/mix-3/")


def said(loading, reach):
    return {f"{one.reader} {one.place}": one.code for one in hub_snippets(loading, reach)}


def test_the_hub_is_asked_for_by_one_command_with_the_token_of_the_environment():
    code = said(LOADING, HUB)
    assert list(code) == [
        "datasets as from the Hub",
        "hf downloads every file",
        "curl goes on with a broken download",
    ]
    assert code["datasets as from the Hub"].startswith(
        "HF_ENDPOINT=https://w/hf HF_TOKEN=$WINNOW_TOKEN python"
    )
    assert '"team/mix", "sft_messages", revision="v3"' in code["datasets as from the Hub"]
    assert '-H "Authorization: Bearer $WINNOW_TOKEN"' in code["curl goes on with a broken download"]


def test_a_link_needs_no_token_and_names_every_file():
    code = said(LOADING, LINKED)
    listed = yaml.safe_load(code["Axolotl by a link"])["datasets"]
    assert [one["path"] for one in listed] == [f"https://w/d/1.abc/mix-3/{file}" for file in SHARDS]
    assert "WINNOW_TOKEN" not in code["datasets by a link"] + code["curl goes on with a broken download"]
    listed = code["datasets by a link"].split("files = ")[1].split("]")[0] + "]"
    assert eval(listed) == SHARDS
    compile(code["datasets by a link"], "snippet", "exec")


def test_json_lines_which_no_card_lists_beside_parquet_are_asked_for_by_their_files():
    lines = Loading("mix-3", "openai_sft", "https://w/f/", files=["openai_sft/data/train.jsonl"])
    code = said(lines, HUB)["datasets as from the Hub"]
    assert '"json", data_files="hf://datasets/team/mix@v3/openai_sft/data/*.jsonl"' in code


def test_only_chats_are_offered_to_a_chat_template():
    pairs = Loading("mix-3", "pref_explicit", "https://w/f/", files=["pref_explicit/data/train.jsonl"])
    assert "Axolotl by a link" not in said(pairs, LINKED)


def test_a_name_that_no_hub_has_is_not_offered_as_one():
    for name in ("team/a--b", "team/-mix", "team/mix-", "team/" + "m" * 97, "-team/mix"):
        assert list(said(LOADING, Reach("https://w/hf", name, "v3"))) == [
            "curl goes on with a broken download"
        ]


def test_a_profile_without_files_has_no_snippet():
    assert hub_snippets(Loading("mix-3", "prompts", "https://w/f/"), HUB) == []
