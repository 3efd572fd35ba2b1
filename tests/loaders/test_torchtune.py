"""torchtune's dataset builders, which are no longer developed and still used."""

from tests.loaders.mixture import CHATS, told


def test_chat_dataset_reads_the_conversations_as_they_were(found):
    made = found("bounded", "with_torchtune")["chats"]
    assert made["texts"] == [told(content.messages) for content in CHATS]
    answers = [m for m in CHATS[1].messages if m.role == "assistant"]
    assert made["learned"][1] == "".join(told([answer]) for answer in answers)
