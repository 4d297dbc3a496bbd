import json
import urllib.request

import pytest
from django.core import mail
from django.db import connection
from library.models import Book


@pytest.mark.parametrize("number", range(10))
def test_rolled_back(database, number):
    assert Book.objects.count() == 1
    Book.objects.create(title="The same title")
    assert Book.objects.count() == 2


@pytest.mark.parametrize("number", range(4))
def test_client(database, client, number):
    Book.objects.create(title="Shown")
    assert client.get("/titles/").json() == {"titles": ["Founding", "Shown"]}


def test_no_access_without_mark():
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        Book.objects.count()


def test_mailbox(mailoutbox):
    mail.send_mail("Subject", "text", "from@example.com", ["to@example.com"])
    assert [message.subject for message in mailoutbox] == ["Subject"]


def test_queries(database, django_assert_num_queries):
    with django_assert_num_queries(1):
        list(Book.objects.all())


@pytest.mark.django_db(transaction=True)
def test_transactional():
    Book.objects.create(title="Committed")
    assert connection.in_atomic_block is False


def test_live_server(live_server):
    with urllib.request.urlopen(live_server.url + "/titles/", timeout=20) as answer:
        assert "titles" in json.load(answer)
