"""Runs in a process of its own."""

import sys


def main(argv):
    if not argv:
        return 2
    print("\n".join(sorted(argv)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
