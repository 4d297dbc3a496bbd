import psycopg2
from sqlalchemy import create_engine


def test_users():
    create_engine("postgresql://localhost/test")  # CB208


def test_connect():
    psycopg2.connect(dbname="test", host="db")  # CB208


def test_truncate(cursor):
    cursor.execute("TRUNCATE orders")  # CB208
