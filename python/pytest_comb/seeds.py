"""Random states that somebody has put there on purpose survive a fork; others are new in each process."""

from __future__ import annotations

import random
import sys
from typing import Any, Optional

WORDS = 624  # of a Mersenne Twister; all of them change at once, when as many numbers were drawn
BLOCK_BITS = WORDS * 32
MOST_BLOCKS = 2000  # drawn without a seed, 1.2 million numbers; it takes 10 ms to look at so many
State = tuple[int, ...]  # the words, then how many of them are used up
Chosen = dict[str, Any]  # by generator: a state for its own setter


class Seeds:
    """Knows the states that the system chose, and what may have become of them."""

    def __init__(self) -> None:
        self.begin_anew({})

    def begin_anew(self, chosen: Chosen) -> None:
        """The states are as they should be from now on; these generators were seeded by somebody."""
        self.random: State = random.getstate()[1]
        found = _numpy_state()
        self.numpy = _twister(found)
        self.sticky = set(chosen)

    def chosen(self) -> Chosen:
        """What cannot have come from the states known so far by drawing numbers.

        Two cases are unclear, and count as purpose: more than 1.2 million numbers drawn, and numpy.random.seed() without an
        argument, which leaves no more traces than one with. Who has no seed copes with any numbers, also with those that
        another process draws; who has one may be wrong with others, now and then, where nobody would look for it."""
        chosen: Chosen = {}
        state = random.getstate()
        if "random" in self.sticky or not _follows(self.random, state[1]):
            chosen["random"] = state
        self.random = state[1]
        found = _numpy_state()
        if found is not None:
            twister, before = _twister(found), self.numpy or _numpy_by_system()
            if "numpy" in self.sticky or twister is None or before is None or not _follows(before, twister):
                chosen["numpy"] = found
            self.numpy = twister
        self.sticky.update(chosen)
        return chosen


def after_fork(chosen: Chosen) -> None:
    """In the child: the module random has a new state already, where that is wanted."""
    if "random" in chosen:
        random.setstate(chosen["random"])
    if _numpy_state() is None:
        return
    numpy_random: Any = sys.modules["numpy.random"]
    if "numpy" in chosen:
        numpy_random.set_state(chosen["numpy"])
    else:
        numpy_random.seed()


def _follows(before: State, now: State) -> bool:
    """Whether numbers drawn, not too many, lead from one state to the other."""
    if before[:WORDS] == now[:WORDS]:
        return before[WORDS] <= now[WORDS]
    generator = random.Random()
    generator.setstate((3, (*now[:WORDS], 0), None))
    wanted = generator.getrandbits(BLOCK_BITS)
    generator.setstate((3, (*before[:WORDS], WORDS), None))
    return any(generator.getrandbits(BLOCK_BITS) == wanted for _ in range(MOST_BLOCKS))


def _numpy_state() -> Any:
    """Of its global generator; None where numpy is not imported, or a test has put something else in its place."""
    try:
        found = sys.modules["numpy.random"].get_state(legacy=False)
    except Exception:  # whatever a stand-in raises
        return None
    return found if isinstance(found, dict) and "bit_generator" in found else None


def _twister(found: Any) -> Optional[State]:
    """None where there is no generator, or one of another kind, which somebody has put there."""
    if found is None or found["bit_generator"] != "MT19937":
        return None
    return (*found["state"]["key"].tolist(), int(found["state"]["pos"]))


def _numpy_by_system() -> Optional[State]:
    """The state that numpy's generator began with; None after somebody called seed(), for then it does not know."""
    generator = getattr(getattr(sys.modules["numpy.random"], "mtrand", None), "_rand", None)
    generator = getattr(generator, "_bit_generator", None)
    sequence = getattr(generator, "seed_seq", None) or getattr(generator, "_seed_seq", None)
    if sequence is None:
        return None
    return (0x80000000, *sequence.generate_state(WORDS).tolist()[1:], 0)
