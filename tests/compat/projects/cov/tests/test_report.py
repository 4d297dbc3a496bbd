import multiprocessing

import pytest


@pytest.mark.parametrize("names", [["b", "a"], []])
def test_main(names, capsys):
    from billing.report import main

    assert main(names) == (0 if names else 2)
    assert capsys.readouterr().out.split() == sorted(names)


def test_in_a_forked_process():
    from billing.report import main

    process = multiprocessing.get_context("fork").Process(target=main, args=(["z"],))
    process.start()
    process.join(20)
    assert process.exitcode == 0


@pytest.mark.parametrize("amount", [0, 1.005, 2.5])
def test_rounded(amount):
    from billing.money import rounded

    assert abs(rounded(amount) - amount) < 0.01
