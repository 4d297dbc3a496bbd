# file: src/shop/basket.py
def basket(item, items=[]):
    items.append(item)  # CB119
    return items


class Counter:
    def count(self, name, counts: dict = {}):
        counts[name] = 1  # CB119
