from curation.engine.records import Content, Message, Record, to_batch
from curation.engine.store import Store
from decontam.engine.taint import COLUMNS, have_parents, tainted


def batch(**parents):
    turns = Content((Message("user", "hello"),))
    return to_batch([Record(name, "s", turns, tuple(of)) for name, of in parents.items()])


def reading(*batches):
    return lambda: [one.select(COLUMNS) for one in batches]


def test_a_row_with_a_removed_parent_is_told_with_that_parent():
    assert tainted([reading(batch(a="", b="xy", c="y"))], {"x"}) == [{"b": "x"}]


def test_generations_are_followed_in_any_order_of_rows_and_versions():
    later = reading(batch(great=["grand"], clean=["z"]))
    earlier = reading(batch(grand=["child"]), batch(child=["x"], other=[]))
    assert tainted([later, earlier], {"x"}) == [{"great": "grand"}, {"child": "x", "grand": "child"}]


def test_a_removed_row_is_no_child_of_another_removed_row():
    assert tainted([reading(batch(x=["y"], y=[]))], {"x", "y"}) == [{}]


def test_rows_that_are_one_anothers_parents_end():
    assert tainted([reading(batch(a=["b"], b=["a"]))], {"x"}) == [{}]
    assert tainted([reading(batch(a=["b", "x"], b=["a"]))], {"x"}) == [{"a": "x", "b": "a"}]


def test_files_say_whether_any_row_has_a_parent(tmp_path):
    store = Store(str(tmp_path))
    for name, rows in (("none", batch(a="", b="")), ("some", batch(a="", b="x")), ("empty", batch())):
        with store.writer(name, rows.schema) as writer:
            writer.write(rows)
        assert have_parents(store, [writer.close()]) == (name == "some")
