import os


def test_tags(tags):
    assert sorted(set(tags)) == ["a", "b"]
    assert set(tags) == {"a", "b"}


def test_one_file(tmp_path):
    assert os.listdir(tmp_path) == ["a"]


def test_files(tmp_path):
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
