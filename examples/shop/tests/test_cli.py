"""The command line, run as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRICES = '[{"sku": "MUG", "name": "Coffee mug", "price": "7.50", "stock": 3}]'


@pytest.fixture
def shop(tmp_path):
    """Runs `shop ARGUMENTS` in an empty folder and a clean environment."""
    (tmp_path / "prices.json").write_text(PRICES)
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "shop", *arguments],
            cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60,
        )

    return run


def test_version(shop):
    assert shop("--version").stdout == "shop 1.4.0\n"


def test_help_names_the_verbs(shop):
    assert "{load,list,order,pay}" in shop("--help").stdout


def test_usage_error(shop):
    assert shop("sell").returncode == 2


def test_load(shop):
    assert shop("load", "prices.json").stdout == "1 products loaded\n"


def test_list_in_dollars(shop):
    shop("load", "prices.json")
    assert shop("list", "--currency", "USD").stdout == "MUG  Coffee mug  8.10 USD\n"


def test_order_and_pay(shop):
    shop("load", "prices.json")
    assert shop("order", "Ada", "MUG=2").stdout == "order 1: 19.90 EUR\n"
    assert shop("pay", "1").stdout == "order 1 is paid\n"


def test_declined_card(shop):
    shop("load", "prices.json")
    shop("order", "Ada", "MUG")
    assert shop("pay", "1", "--card", "4000-0002").stderr == "shop: insufficient funds\n"


def test_out_of_stock(shop):
    shop("load", "prices.json")
    assert shop("order", "Ada", "MUG=4").stderr == "shop: MUG\n"
