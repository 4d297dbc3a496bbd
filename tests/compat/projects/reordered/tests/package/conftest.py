def pytest_collection_modifyitems(items):
    """Items of this folder come in reverse, behind all others: a plugin may do that."""
    mine = [item for item in items if "package" in item.nodeid]
    others = [item for item in items if "package" not in item.nodeid]
    items[:] = others + mine[::-1]
