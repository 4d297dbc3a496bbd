import pytest
from sqlalchemy import create_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    return create_engine(f"sqlite:///{tmp_path_factory.mktemp('db')}/shop.db")


if __name__ == "__main__":
    engine = create_engine("sqlite:///shop.db")
