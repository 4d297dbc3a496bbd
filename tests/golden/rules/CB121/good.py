# file: src/shop/model.py
class Model:
    @classmethod
    def fields(cls):
        if "_fields" not in cls.__dict__:
            cls._fields = dir(cls)
        return cls._fields

    @classmethod
    def has_name(cls):
        return hasattr(cls, "name")
