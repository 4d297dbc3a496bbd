import compileall


def test_compile():
    compileall.compile_dir("src")  # CB218
