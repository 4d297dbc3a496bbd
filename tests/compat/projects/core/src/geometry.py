"""A module with doctests.

>>> area(2, 3)
6
"""


def area(width, height):
    """
    >>> area(4, 5)
    20
    >>> area(1, 1)
    2
    """
    return width * height
