import allure
import pytest


@pytest.fixture(scope="module")
def shop():
    with allure.step("open the shop"):
        yield "shop"


@pytest.fixture
def basket(shop):
    yield []


@allure.feature("Basket")
@allure.story("Filling")
@allure.severity(allure.severity_level.CRITICAL)
@pytest.mark.parametrize("count", range(8))
def test_filling(basket, count):
    with allure.step("put things in"):
        basket.extend(range(count))
    allure.attach(str(basket), "basket", allure.attachment_type.TEXT)
    assert len(basket) == count


@allure.title("A failure with a title")
def test_fails(basket):
    print("printed")
    with allure.step("look"):
        assert basket == ["nothing"]


@pytest.mark.skip(reason="not today")
def test_skipped():
    pass


@pytest.fixture
def broken():
    raise RuntimeError("no resource")


def test_error(broken):
    pass


@allure.link("https://example.com/1", name="ticket")
@pytest.mark.xfail(reason="known")
def test_xfail():
    allure.dynamic.description("said while running")
    raise AssertionError("expected")
