"""The C library's heap, told what a program of pictures needs.

glibc gives large blocks back to the kernel as soon as they are free, and the kernel hands
them out again page by page, zeroed. With a picture per frame that was a quarter of an ingest
process (docs/adr/0010).
"""

from __future__ import annotations

import ctypes

# Of mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEPT_BYTES = 32 << 20


def keep_freed_memory() -> bool:
    """Keep up to 32 MiB of freed memory for the next picture; False without glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    options = (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD)
    return all(mallopt(option, _KEPT_BYTES) for option in options)
