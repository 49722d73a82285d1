"""How this process keeps the memory that it has freed."""

import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
_LARGE = 2**17


def return_large_arrays() -> None:
    """Let arrays of 128 KiB and more go back to the system when they are freed, until the process ends.

    glibc learns from the first ones that are freed to keep them, and what is left between them grows for as long as
    threads work. Other C libraries do as they like.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    set_option(_MMAP_THRESHOLD, _LARGE)
