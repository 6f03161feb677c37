# SPDX-License-Identifier: MIT
"""Array and image files from their bytes: the values of numpy and MLXP, every size known before it is allocated."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlxp_pandas.artifacts.arrays import check_archive, read_image, read_numpy
from mlxp_pandas.artifacts.unpickle import plain

SAID = r"\w"  # what a library says, in whatever words
LIMIT = 1 << 20


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def zipped(method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def headed(shape: str, descr: str = "'<f8'", content: bytes = b"", version: int = 1) -> bytes:
    """A .npy file whose header says what it is told."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return (
        b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + content
    )


@settings(deadline=None, max_examples=60)
@given(
    array=hnp.arrays(
        hnp.scalar_dtypes() | hnp.array_dtypes(max_size=3), hnp.array_shapes(min_dims=0, min_side=0, max_side=4)
    )
)
def test_arrays_as_numpy_reads_them(array: np.ndarray[Any, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, of field names that its version 1 cannot read
        data = npy(array)
    expected = np.load(io.BytesIO(data))
    found = read_numpy(data, LIMIT, plain)
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()
    assert (found.shape, found.flags.f_contiguous) == (expected.shape, expected.flags.f_contiguous)
    assert found.flags.writeable


def test_archives_become_dicts() -> None:
    stream = io.BytesIO()
    np.savez(stream, np.arange(3), loss=np.asfortranarray(np.ones((2, 3))), **{"a/b": np.array("x")})
    found = read_numpy(stream.getvalue(), LIMIT, plain)
    assert isinstance(found, dict)
    assert sorted(found) == sorted(np.load(io.BytesIO(stream.getvalue())).files)
    assert found["arr_0"].tolist() == [0, 1, 2]
    assert found["loss"].flags.f_contiguous
    assert found["a/b"] == "x"
    assert read_numpy(npz(), LIMIT, plain) == {}


def test_other_members_are_bytes() -> None:
    assert read_numpy(zipped(note=b"hello"), LIMIT, plain) == {"note": b"hello"}


def test_field_names_beyond_latin_1() -> None:
    with pytest.warns(UserWarning, match=SAID):
        data = npy(np.zeros(2, [("\u4e00", "f8")]))
    found = read_numpy(data, LIMIT, plain)
    assert isinstance(found, np.ndarray)
    assert found.dtype.names == ("\u4e00",)


def test_objects_go_to_the_unpickler() -> None:
    array = np.array([1, "a", None], dtype=object)
    found = read_numpy(npz(x=array), LIMIT, plain)
    assert isinstance(found, dict)
    assert found["x"].tolist() == [1, "a", None]
    with pytest.raises(ValueError, match="array of objects, it holds something else"):
        read_numpy(npy(array), LIMIT, lambda data: np.zeros(2))


NOT_READ = {
    "nothing": (b"", "neither a .npy nor a .npz"),
    "pickle": (b"\x80\x04N.", "looks like a pickle"),
    "cut magic": (b"\x93NUMPY", "header is damaged"),
    "cut header": (npy(np.arange(9))[:30], "header is damaged"),
    "cut data": (npy(np.arange(9))[:-1], "promises an array of 72 bytes, it holds 71"),
    "more data": (npy(np.arange(9)) + b"x", "promises an array of 72 bytes, it holds 73"),
    "cut archive": (npz(x=np.arange(9))[:-9], SAID),
    "terabytes": (headed("(1000000000000,)"), "promises an array of 8,000,000,000,000 bytes, it holds 0"),
    "beyond 64 bits": (headed("(4611686018427387904, 4)"), "promises"),
    "negative": (headed("(-1,)"), "promises"),
    "large type": (headed("(1000,)", "'V2000000000'"), "promises"),
    "arrays of nothing": (headed("(1000000000000,)", "'V0'"), "promises"),
    "no number": (headed("('a',)"), "header is damaged"),
    "long header": (headed("(1" + " " * 20_000 + ",)"), "header is damaged"),
    "long header, version 2": (headed("(1" + " " * 200_000 + ",)", version=2), "header is damaged"),
    "header of 4 GB": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "header is damaged"),
    "nested header": (headed("[" * 5000), "header is damaged"),
    "code in the header": (headed("__import__('os').getpid()"), "header is damaged"),
    "terabytes in an archive": (zipped(**{"x.npy": headed("(1000000000000,)")}), "promises"),
    "bzip2": (zipped(zipfile.ZIP_BZIP2, x=b"x"), "numpy does not write"),
    "lzma": (zipped(zipfile.ZIP_LZMA, x=b"x"), "numpy does not write"),
    "bomb": (npz(x=np.zeros(LIMIT)), r"unpacks to 8,388,\d+ bytes; the limit is 1,048,576"),
    "members of a bomb": (npz(x=np.zeros(LIMIT // 16), y=np.zeros(LIMIT // 16)), "unpacks to"),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_not_read(name: str) -> None:
    data, reason = NOT_READ[name]
    with pytest.raises((ValueError, zipfile.BadZipFile), match=reason):
        read_numpy(data, LIMIT, plain)


def test_a_directory_of_an_archive_that_lies() -> None:
    """The member is longer than the directory says: no more than that is unpacked."""
    data = npz(x=np.zeros(1000))
    entry = zipfile.ZipFile(io.BytesIO(data)).infolist()[0]
    lying = data.replace(
        struct.pack("<II", entry.compress_size, entry.file_size), struct.pack("<II", entry.compress_size, 200)
    )
    assert lying != data
    with pytest.raises((ValueError, zipfile.BadZipFile), match=SAID):
        read_numpy(lying, LIMIT, plain)


def test_many_members() -> None:
    with pytest.raises(ValueError, match="more than 10,000 members"):
        check_archive(b"PK\x01\x02" * 10_001, LIMIT)


def test_members_of_one_name_are_named() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile's, that a name is used twice
        for name in ("loss.npy", "w.npy", "loss.npy", "bias", "bias.npy"):
            archive.writestr(name, npy(np.arange(3)))
    with pytest.raises(ValueError, match="more than one member named 'loss', 'bias'"):
        read_numpy(stream.getvalue(), LIMIT, plain)


@settings(deadline=None, max_examples=150)
@given(seed=st.sampled_from([npy(np.arange(9.0)), npz(x=np.arange(9.0), y=np.array([1, None]))]), data=st.data())
def test_mutations(seed: bytes, data: st.DataObject) -> None:
    """Nothing but exceptions, and never more bytes than there were."""
    place = data.draw(st.integers(0, len(seed)))
    changed = seed[:place] + data.draw(st.binary(max_size=4)) + seed[place + data.draw(st.integers(0, 4)) :]
    try:
        found = read_numpy(changed, LIMIT, plain)
    except Exception:
        return
    arrays = found.values() if isinstance(found, dict) else [found]
    assert sum(array.nbytes for array in arrays if isinstance(array, np.ndarray)) <= LIMIT


# images

PILLOW_MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]


def image_bytes(mode: str, kind: str, **options: Any) -> bytes:
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint8)
    picture = image.fromarray(pixels)
    picture = image.fromarray(pixels[:, :, 0].astype(np.uint16) * 250) if mode == "I;16" else picture.convert(mode)
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def assert_same_picture(data: bytes, suffix: str) -> None:
    imread = pytest.importorskip("matplotlib.image").imread
    found, expected = read_image(data), imread(io.BytesIO(data), format=suffix)
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", PILLOW_MODES)
def test_png_as_mlxp_reads_it(mode: str) -> None:
    assert_same_picture(image_bytes(mode, "PNG"), "png")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *((mode, "JPEG") for mode in ("RGB", "L", "CMYK")),
        *((mode, "BMP") for mode in ("RGB", "1", "P")),
        *((mode, "TIFF") for mode in ("RGBA", "I;16", "LA")),
        *((mode, "PPM") for mode in ("RGB", "L")),
        ("P", "GIF"),
        ("RGB", "WEBP"),
    ],
)
def test_other_formats_as_mlxp_reads_them(mode: str, kind: str) -> None:
    assert_same_picture(image_bytes(mode, kind), kind.lower())


def test_a_figure() -> None:
    pyplot = pytest.importorskip("matplotlib.figure")
    stream = io.BytesIO()
    pyplot.Figure(figsize=(1, 1)).savefig(stream, format="png", bbox_inches="tight")
    assert_same_picture(stream.getvalue(), "png")


@pytest.mark.parametrize("start", ["", "\ufeff", "<?xml version='1.0'?>\n", "<!-- a comment -->\n", "  \n"])
def test_svg_is_text(start: str) -> None:
    text = f"{start}<svg xmlns='http://www.w3.org/2000/svg'><script>alert('é')</script></svg>"
    assert read_image(text.encode()) == text


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch x) (w) file\nshowpage\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", SAID),
        (b"hello", SAID),
        (POSTSCRIPT, SAID),
        (png(100_000, 100_000), SAID),
        (png(10_000, 10_000), "pixels"),
        (png(5001, 5000), r"more than 25,000,000 pixels \(mlxp_pandas\.artifacts\.arrays\.MAX_PIXELS\)"),
        (png(2**31 - 1, 2**31 - 1), SAID),
        (png(9, 9), SAID),
        (png(9, 9, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7)))] * 9), SAID),
    ],
)
def test_images_that_are_not_read(data: bytes, reason: str) -> None:
    pytest.importorskip("PIL.Image")
    with pytest.raises(Exception, match=reason):  # Pillow raises many kinds
        read_image(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM"])
def test_images_that_are_cut_off(kind: str) -> None:
    data = image_bytes("RGB", kind)
    with pytest.raises((OSError, ValueError), match=SAID):
        read_image(data[: len(data) * 2 // 3])


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert read_image(b"<svg></svg>") == "<svg></svg>"
    with pytest.raises(ImportError, match="PIL"):
        read_image(png(1, 1))
