def test_speed(runner):
    assert runner
