"""Memory that goes back to the system.

glibc keeps what was freed, for later, in heaps of its own; work that allocates large arrays in many threads leaves
holes there, and the process grows though it holds nothing. Source: malloc_trim(3), mallopt(3).
"""

import ctypes


def give_back() -> None:
    """Let the system have what was freed; other C libraries than glibc do as they like.

    >>> give_back()
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return
    trim(0)
