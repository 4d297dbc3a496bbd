from django.utils import translation


def test_page(app):
    app.app_context().push()  # CB116
    assert app


def test_request(app):
    app.test_request_context("/").push()  # CB116


def test_german():
    translation.activate("de")  # CB116
