# SPDX-License-Identifier: MIT
"""The bytes of .npy, .npz and image files -> arrays, with every size known and bounded before it is allocated."""

from __future__ import annotations

import collections
import importlib
import io
import math
import warnings
import zipfile
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from .pickleguard import require

__all__ = ["MAX_PIXELS", "check_archive", "read_image", "read_numpy"]

#: The most pixels of an image; beyond 178 million Pillow's own limit holds as well.
MAX_PIXELS = 25_000_000

_MAX_OBJECTS = 256 << 20  # bytes of the pickle of an array of objects: it is there twice while it is read
# Without EPS and the like: Pillow hands those to Ghostscript, which runs programs.
_IMAGE_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")

Unpickler = Callable[[bytes], object]


def read_numpy(data: bytes, limit: int, unpickled: Unpickler) -> object:
    """Read what `numpy.save` or `numpy.savez` wrote, wholly.

    Parameters
    ----------
    data : bytes
        The file.
    limit : int
        The most bytes that all arrays together may take.
    unpickled : callable
        Reads the pickle that stands for an array of Python objects.

    Returns
    -------
    numpy.ndarray or dict of str to numpy.ndarray
        The array of a .npy file, the arrays of a .npz file by name; members of another kind are bytes.

    Raises
    ------
    ValueError
        It is no such file, damaged, or larger than the limit.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO()
    >>> np.savez(stream, loss=np.arange(3))
    >>> read_numpy(stream.getvalue(), 1000, unpickled=None)
    {'loss': array([0, 1, 2])}
    """
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        check_archive(data, limit)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            return {entry.filename.removesuffix(".npy"): _member(archive, entry, unpickled) for entry in entries}
    if data.startswith(npy_format.MAGIC_PREFIX):
        return _array(io.BytesIO(data), len(data), unpickled)
    likely = ", it looks like a pickle" if data.startswith(b"\x80") else ""
    raise ValueError(f"it is neither a .npy nor a .npz file{likely}")


def check_archive(data: bytes, limit: int) -> None:
    """Raise ValueError for a zip file that unpacks to more than `limit` bytes, or unlike those of numpy and torch."""
    require(data.count(b"PK\x01\x02") <= 10_000, "it has more than 10,000 members")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    how = f"it unpacks to {size:,} bytes; the limit is {limit:,} (mlxp_pandas.artifacts.load.MAX_BYTES)"
    require(size <= limit, how)
    # The other methods may allocate gigabytes for their dictionary before the first byte.
    is_known = all(entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries)
    require(is_known, "it is compressed in a way that numpy does not write")
    names = collections.Counter(entry.filename.removesuffix(".npy") for entry in entries)
    repeated = [name for name, n in names.most_common(5) if n > 1]
    require(not repeated, f"it has more than one member named {', '.join(map(repr, repeated))}")


def read_image(data: bytes) -> np.ndarray[Any, Any] | str:
    """Read an image as MLXP does with `matplotlib.image.imread`.

    Parameters
    ----------
    data : bytes
        The file: PNG, JPEG, GIF, BMP, TIFF, WebP, PPM or SVG.

    Returns
    -------
    numpy.ndarray of shape (height, width), (height, width, 3) or (height, width, 4), or str
        float32 from 0 to 1 for PNG, integers for the other formats, the text for SVG.

    Raises
    ------
    ValueError, OSError
        It is no such image, damaged, or has more pixels than `MAX_PIXELS`.
    ImportError
        Pillow is not installed.
    """
    if _is_svg(data):
        return data.decode("utf-8")
    pillow = importlib.import_module("PIL.Image")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pillow.DecompressionBombWarning)  # our limit is lower
        with pillow.open(io.BytesIO(data), formats=_IMAGE_FORMATS) as image:
            is_small = image.width * image.height <= MAX_PIXELS
            require(is_small, f"it has more than {MAX_PIXELS:,} pixels ({__name__}.MAX_PIXELS)")
            image.load()
            return _scaled_png(image) if image.format == "PNG" else _pixels(image)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, unpickled: Unpickler) -> object:
    with archive.open(entry) as stream:
        is_array = stream.read(len(npy_format.MAGIC_PREFIX)) == npy_format.MAGIC_PREFIX
        stream.seek(0)
        return _array(stream, entry.file_size, unpickled) if is_array else stream.read()


def _array(stream: IO[bytes], size: int, unpickled: Unpickler) -> object:
    shape, dtype = _header(stream)
    if dtype.hasobject:
        require(size <= _MAX_OBJECTS, f"its Python objects take more than {_MAX_OBJECTS:,} bytes; give a loader")
        value = unpickled(stream.read())
        is_kept = isinstance(value, np.ndarray) and value.shape == shape
        require(is_kept, "its header promises an array of objects, it holds something else")
        return value
    n_bytes, n_found = math.prod(shape) * dtype.itemsize, size - stream.tell()
    is_whole = n_bytes == n_found and (dtype.itemsize > 0 or math.prod(shape) <= size)
    require(is_whole, f"its header promises an array of {n_bytes:,} bytes, it holds {n_found:,}")
    stream.seek(0)
    return npy_format.read_array(stream, allow_pickle=False)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = npy_format.read_magic(stream)
        # Version 3 differs from 2 only in the encoding of field names, which does not matter for the size.
        read_header = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    except Exception as error:
        text = str(error).partition("\n")[0][:200]
        raise ValueError(f"its header is damaged ({type(error).__name__}: {text})") from error
    return shape, dtype


def _is_svg(data: bytes) -> bool:
    start = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!--", b"<!DOCTYPE")) and b"<svg" in start)


def _scaled_png(image: Any) -> np.ndarray[Any, Any]:
    if image.mode in ("P", "LA", "PA"):
        image = image.convert("RGBA")
    largest = 1 if image.mode == "1" else 2**16 - 1 if image.mode.startswith("I") else 2**8 - 1
    return np.divide(np.asarray(image), largest, dtype=np.float32)  # type: ignore[no-any-return]


def _pixels(image: Any) -> np.ndarray[Any, Any]:
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    return np.array(image if image.mode in ("RGBA", "RGB", "L") else image.convert("RGBA"))
