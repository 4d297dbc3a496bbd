class TestBasket:
    items = []

    def test_add(self):
        self.items.append("mug")  # CB102
        assert self.items == ["mug"]

    def test_empty(self):
        assert self.items == []
