"""Paths that somebody else wrote down: below the roots, by where they really lead."""

import os

import pytest

from curation.engine.errors import BadInput, Refused
from curation.engine.readers import find
from curation.engine.readers.places import guard, plain_name, under_roots


@pytest.fixture
def roots(tmp_path):
    for folder in ("open", "open-not", "secret"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jsonl").write_text('{"question": "a", "answer": "b"}\n')
    return [tmp_path / "open"]


def found(location, roots):
    under_roots(str(location), roots)
    return [file.name for file in find(str(location), guard(roots)).files]


class TestRoots:
    def test_files_folders_and_globs_below_a_root_can_be_read(self, roots):
        (root,) = roots
        (root / "deep").mkdir()
        (root / "deep" / "y[1].jsonl").write_text("{}\n")
        assert found(root / "x.jsonl", roots) == ["x.jsonl"]
        assert found(root, roots) == ["deep/y[1].jsonl", "x.jsonl"]
        assert found(f"{root}/**/*.jsonl", roots) == ["deep/y[1].jsonl", "x.jsonl"]
        assert found(root / "deep" / "y[1].jsonl", roots) == ["y[1].jsonl"]

    def test_a_root_may_be_a_symlink_itself(self, roots, tmp_path):
        (tmp_path / "link").symlink_to(roots[0])
        assert found(tmp_path / "link" / "x.jsonl", [tmp_path / "link"]) == ["x.jsonl"]
        assert found(roots[0] / "x.jsonl", [tmp_path / "link"]) == ["x.jsonl"]

    @pytest.mark.parametrize(
        "path",
        [
            "{base}/secret/x.jsonl",
            "{base}/secret",
            "{base}/secret/*.jsonl",
            "{base}",
            "{base}/*/x.jsonl",
            "{base}/open-not/x.jsonl",
            "{base}/open*/x.jsonl",
            "{base}/open/../secret/x.jsonl",
            "{base}/open/*/../../secret/x.jsonl",
            "{base}/open/..",
            "/",
            "/etc/passwd",
            "/proc/self/environ",
        ],
    )
    def test_what_lies_elsewhere_is_refused(self, roots, tmp_path, path):
        with pytest.raises(Refused):
            under_roots(path.format(base=tmp_path), roots)

    @pytest.mark.parametrize(
        "path",
        [
            "file://{base}/open/x.jsonl",
            "simplecache::s3://bucket/x.jsonl",
            "zip://*.json::http://data.example/x.zip",
            "{base}/open/x.zip::inner",
            "s3://bucket/x.jsonl",
            "//server/share/x.jsonl",
            "\\\\server\\share\\x.jsonl",
            "~/x.jsonl",
            "~root/x.jsonl",
            "{base}/open/x.jsonl\0.png",
            "open/x.jsonl",
            "",
            ".",
        ],
    )
    def test_what_is_no_plain_absolute_path_is_refused(self, roots, tmp_path, path):
        with pytest.raises(Refused, match=r"Paths must lie below .*/open; or upload the file"):
            under_roots(path.format(base=tmp_path), roots)

    def test_without_roots_nothing_can_be_read_and_the_sentence_says_what_can(self, tmp_path):
        with pytest.raises(Refused, match=r"WINNOW_IMPORT_ROOTS names no folder.*upload the file, or give"):
            under_roots(str(tmp_path), [])

    def test_a_missing_file_outside_is_refused_like_one_that_is_there(self, roots, tmp_path):
        told = []
        for name in ("x.jsonl", "nothing.jsonl"):
            with pytest.raises(Refused) as caught:
                under_roots(f"{tmp_path}/secret/{name}", roots)
            told.append(str(caught.value).replace(name, ""))
        assert told[0] == told[1]


class TestSymlinks:
    @pytest.mark.parametrize("location", ["{root}/out.jsonl", "{root}", "{root}/*.jsonl"])
    def test_a_file_that_leads_out_is_refused_wherever_it_is_found(self, roots, tmp_path, location):
        (roots[0] / "out.jsonl").symlink_to(tmp_path / "secret" / "x.jsonl")
        with pytest.raises(Refused, match=r"out\.jsonl does not lie where"):
            found(location.format(root=roots[0]), roots)

    @pytest.mark.parametrize(
        "location", ["{root}/out", "{root}/out/x.jsonl", "{root}/*/x.jsonl", "{root}/**/*.jsonl"]
    )
    def test_a_folder_that_leads_out_is_refused(self, roots, tmp_path, location):
        (roots[0] / "out").symlink_to(tmp_path / "secret")
        with pytest.raises(Refused, match="does not lie where"):
            found(location.format(root=roots[0]), roots)

    def test_a_folder_that_leads_out_is_not_entered_by_a_walk(self, roots, tmp_path):
        (roots[0] / "out").symlink_to(tmp_path / "secret")
        assert found(roots[0], roots) == ["x.jsonl"]

    def test_a_link_that_stays_inside_is_followed(self, roots):
        (roots[0] / "again.jsonl").symlink_to(roots[0] / "x.jsonl")
        assert found(roots[0], roots) == ["again.jsonl", "x.jsonl"]

    def test_a_loop_of_links_is_refused(self, roots):
        (roots[0] / "a.jsonl").symlink_to(roots[0] / "b.jsonl")
        (roots[0] / "b.jsonl").symlink_to(roots[0] / "a.jsonl")
        with pytest.raises((Refused, BadInput)):
            found(roots[0] / "a.jsonl", roots)

    def test_what_is_no_plain_file_is_not_opened(self, roots):
        os.mkfifo(roots[0] / "pipe.jsonl")
        with pytest.raises(BadInput, match="is not a plain file"):
            found(roots[0], roots)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("chats.jsonl", "chats.jsonl"),
        ("/etc/../x y.csv", "x_y.csv"),
        ("C:\\data\\x.csv", "x.csv"),
        ("..", "download"),
        ("", "download"),
        ("-rf.csv", "rf.csv"),
        ("a\0b\n.csv", "a_b_.csv"),
        ("日本.jsonl", "日本.jsonl"),
        ("x" * 500 + ".jsonl", "x" * 194 + ".jsonl"),
        ("é" * 200 + ".csv", "é" * 98 + ".csv"),
    ],
)
def test_a_name_that_does_anywhere(given, name):
    assert plain_name(given) == name
