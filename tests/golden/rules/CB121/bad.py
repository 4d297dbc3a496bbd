# file: src/shop/model.py
class Model:
    @classmethod
    def fields(cls):
        if not hasattr(cls, "_fields"):  # CB121
            cls._fields = dir(cls)
        return cls._fields
