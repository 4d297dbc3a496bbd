import warnings


def test_old_api():
    warnings.simplefilter("ignore")  # CB110


def test_error():
    warnings.filterwarnings("error")  # CB110
