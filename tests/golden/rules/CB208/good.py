import pytest
from sqlalchemy import create_engine


@pytest.fixture(scope="session")
def engine(worker_id):
    return create_engine(f"postgresql://localhost/test_{worker_id}")


def test_refused():
    with pytest.raises(ValueError):
        create_engine("postgresql://nowhere/x")


def test_url():
    assert parse("postgresql://localhost/test").database == "test"
