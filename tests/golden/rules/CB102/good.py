# file: src/shop/outbox.py
from dataclasses import dataclass, field


class Outbox:
    messages: list[str] = []

    def __init__(self):
        self.messages = []

    def send(self, text):
        self.messages.append(text)


@dataclass
class Order:
    lines: list[str] = field(default_factory=list)

    def add(self, line):
        self.lines.append(line)


class Settings(BaseModel):
    names: list[str] = []

    def add(self, name):
        self.names.append(name)


class Palette:
    COLORS = ["red", "green"]

    def first(self):
        return self.COLORS[0]
