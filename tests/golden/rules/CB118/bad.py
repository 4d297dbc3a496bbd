import sqlite3

from sqlalchemy import create_engine

engine = create_engine("sqlite:///shop.db")  # CB118
connection = sqlite3.connect("shop.db")  # CB118


def test_rows():
    assert engine and connection
