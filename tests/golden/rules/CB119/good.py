# file: src/shop/basket.py
def basket(item, items=None):
    items = [] if items is None else items
    items.append(item)
    return items


def reads(items=[]):
    return len(items)


def copies(items=[]):
    items = list(items)
    items.append(1)
    return items
