class TestCheckout:
    limit = 3

    def test_create(self, shop):
        self.order_id = shop.create()
        assert self.order_id

    def test_limit(self):
        assert self.limit == 3


class TestOwn:
    def test_set(self):
        TestOwn.value = 1
        assert TestOwn.value == 1


def test_404_error():
    assert True


def test_500_error():
    assert True
