import sqlite3

from shop.store import Store
from sqlalchemy import create_engine

DATABASE = "shop-test.db"


def test_connect():
    sqlite3.connect("test.db")  # CB207


def test_store():
    with Store(DATABASE):  # CB207
        pass


def test_engine():
    create_engine("sqlite:///test.db")  # CB207
