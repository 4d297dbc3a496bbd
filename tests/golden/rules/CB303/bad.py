from contextlib import contextmanager

import app


@contextmanager
def debug_mode():
    app.debug = True
    yield  # CB303
    app.debug = False
