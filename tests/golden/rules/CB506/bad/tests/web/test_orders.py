def test_web():  # CB506
    assert True
