import pytest
from django.utils import translation


def test_page(app):
    with app.app_context():
        assert app


@pytest.fixture
def context(app):
    context = app.app_context()
    context.push()
    yield context
    context.pop()


def test_german():
    with translation.override("de"):
        translation.activate("fr")
