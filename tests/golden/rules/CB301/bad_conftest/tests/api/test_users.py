def test_new(users):
    users.append("grace")  # CB301
    assert len(users) == 2
