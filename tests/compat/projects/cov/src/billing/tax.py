"""Rates."""

RATES = {"DE": 19, "FR": 20, "CH": 8.1}


def tax(amount, country):
    try:
        rate = RATES[country]
    except KeyError:
        rate = 0
    if amount > 1000:
        if country == "CH":
            rate += 1
        elif country == "FR":
            rate += 2
    return amount * rate / 100
