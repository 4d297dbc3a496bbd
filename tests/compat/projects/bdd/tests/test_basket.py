from pytest_bdd import given, parsers, scenarios, then, when

scenarios("basket.feature")


@given("a basket", target_fixture="basket")
def _basket():
    return []


@when(parsers.re(r"I put (?P<count>\d+) things? into it"), converters={"count": int})
def _put(basket, count):
    basket.extend(range(count))


@then(parsers.parse("it holds {count:d} things"))
def _holds(basket, count):
    assert len(basket) == count
