import pytest

token = None


class TestCheckout:
    order_id = None

    def test_create(self, shop):
        TestCheckout.order_id = shop.create()  # CB601

    def test_pay(self, shop):
        assert shop.pay(self.order_id)


def test_login(shop):
    global token
    token = shop.login()  # CB601
    assert token


def test_profile(shop):
    assert shop.profile(token)


@pytest.mark.order(2)
def test_second():  # CB601
    assert True


class TestSteps:
    def test_1_create(self, order):  # CB601
        order.create()

    def test_2_pay(self, order):
        order.pay()

    def test_3_ship(self, order):
        order.ship()
