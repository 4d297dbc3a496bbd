import sqlite3
from pathlib import Path

from shop.store import Store
from sqlalchemy import create_engine


def test_memory():
    sqlite3.connect(":memory:")
    sqlite3.connect("file::memory:?cache=shared", uri=True)
    create_engine("sqlite://")
    create_engine("sqlite:///:memory:")


def test_private(tmp_path):
    Store(tmp_path / "test.db")
    create_engine(f"sqlite:///{tmp_path}/test.db")


def test_name():
    assert Path("test.db").suffix == ".db"


def test_chdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sqlite3.connect("test.db")
