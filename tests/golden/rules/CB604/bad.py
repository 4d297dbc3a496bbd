import os


def test_tags(tags):
    assert list(set(tags)) == ["a", "b"]  # CB604


def test_files(tmp_path):
    assert os.listdir(tmp_path) == ["a", "b"]  # CB604


def test_paths(tmp_path):
    assert [p.name for p in tmp_path.iterdir()] == ["a", "b"]  # CB604
