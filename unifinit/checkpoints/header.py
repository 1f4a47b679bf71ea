"""The header of a safetensors file: what is checked when one is read, and how one is made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import BinaryIO, NamedTuple

from unifinit import elements
from unifinit.checkpoints.entries import METADATA, Entry, is_encodable
from unifinit.checkpoints.stored import checked_shape, shown
from unifinit.errors import CheckpointError, DtypeError, or_list
from unifinit.types import DTYPES, DType, Shape

DTYPE_NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
}
OWN_NAMES = {name: own for own, name in DTYPE_NAMES.items()}
LENGTH = 8
"""Bytes of the number in front, which says how long the header is."""
LONGEST = 100_000_000
"""Bytes that a header may have, as the package safetensors has it."""


class Tensor(NamedTuple):
    """Where a tensor lies.

    Attributes
    ----------
    dtype
        The dtype of its elements.
    shape
        Its shape.
    begin
        Its first byte, counted from the end of the header.
    end
        The byte behind its last one.
    """

    dtype: DType
    shape: Shape
    begin: int
    end: int


class Header(NamedTuple):
    """What a header says.

    Attributes
    ----------
    tensors
        By name, in the order in which they lie in the file.
    metadata
        What else there is.
    size
        Number of bytes in front of the elements.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    size: int


def make_header(entries: Sequence[Entry], metadata: Mapping[str, str]) -> bytes:
    """The bytes in front of the elements of some entries, whose names and metadata are known to be text.

    Raises
    ------
    DtypeError
        For a dtype that the format lacks.
    CheckpointError
        If the header would be longer than readers accept.
    """
    header: dict[str, object] = {METADATA: dict(metadata)} if metadata else {}
    end = 0
    for entry in entries:
        name, plan = entry
        if plan.dtype.name not in OWN_NAMES:
            raise DtypeError(
                f"array {shown(name)}: safetensors has no dtype {plan.dtype.name!r}; wanted one of "
                f"{or_list(OWN_NAMES)}, or another format"
            )
        begin, end = end, end + entry.nbytes
        header[name] = {
            "dtype": OWN_NAMES[plan.dtype.name],
            "shape": list(plan.result_shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # Elements begin at a multiple of 8.
    if len(text) > LONGEST:
        raise CheckpointError(
            f"the header would have {len(text)} bytes; wanted at most {LONGEST}: divide the arrays among "
            "several files"
        )
    return len(text).to_bytes(LENGTH, "little") + text


def read_header(file: BinaryIO, path: str) -> Header:
    """What the header of a file says, after all that can be wrong with it has been looked for.

    Raises
    ------
    CheckpointError
        If the file is no safetensors file, or a damaged one.
    """
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(LENGTH), "little")
    if size < LENGTH:
        raise CheckpointError(f"{path} has {size} bytes; wanted a safetensors file, which has at least 8")
    if length > LONGEST or length > size - LENGTH:
        raise CheckpointError(
            f"{path} says that its header has {length} bytes; wanted at most {min(LONGEST, size - LENGTH)}: "
            "the file is truncated, or no safetensors file"
        )
    header = parse_object(file.read(length), f"{path}: the header")
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(f"{path}: {METADATA} is {shown(metadata)}; wanted an object of strings")
    tensors = {name: _tensor(value, f"{path}: tensor {shown(name)}") for name, value in header.items()}
    # Those without elements may share the place of another one's beginning.
    tensors = dict(sorted(tensors.items(), key=lambda item: item[1][2:]))
    end = 0
    for name, tensor in tensors.items():
        if tensor.begin != end:
            fault = "overlaps the one before it" if tensor.begin < end else "lies behind bytes of no tensor"
            raise CheckpointError(
                f"{path}: tensor {shown(name)} begins at byte {tensor.begin} and {fault}; wanted {end}"
            )
        end = tensor.end
    if end != size - LENGTH - length:
        raise CheckpointError(
            f"{path} has {size - LENGTH - length} bytes of elements; wanted {end}, as its header says: "
            f"{'the file is truncated' if end > size - LENGTH - length else 'something was appended'}"
        )
    return Header(tensors, metadata, LENGTH + length)


def parse_object(text: bytes, what: str) -> dict[str, object]:
    """The object that JSON has, if no key is there twice.

    Raises
    ------
    CheckpointError
        If it has none; ``what`` begins the message.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            raise CheckpointError(f"{what} has {shown(max(keys, key=keys.count))} twice; wanted it once")
        return found

    try:
        decoded = text.decode()
        # Half a pair of surrogates could be no name of a file, and be printed nowhere.
        found = json.loads(decoded, object_pairs_hook=unique) if decoded.startswith("{") else None
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{what} is no JSON in UTF-8 ({error}); wanted an object") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{what} begins with {shown(text[:16])}; wanted an object of JSON")
    if not all(map(is_encodable, found)):
        raise CheckpointError(f"{what} has a name with half a pair of surrogates; wanted names in UTF-8")
    return found


def _tensor(value: object, what: str) -> Tensor:
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(
            f"{what} is {shown(value)}; wanted an object with dtype, shape and data_offsets"
        )
    name, offsets = value["dtype"], value["data_offsets"]
    if not isinstance(name, str) or name not in DTYPE_NAMES:
        raise CheckpointError(f"{what} has dtype {shown(name)}; wanted one of {or_list(DTYPE_NAMES)}")
    dtype, shape = DTYPES[DTYPE_NAMES[name]], checked_shape(value["shape"], what)
    if not isinstance(offsets, list) or [type(offset) for offset in offsets] != [int, int]:
        raise CheckpointError(f"{what} has data_offsets {shown(offsets)}; wanted two integers")
    begin, end = offsets
    size = elements.storage(dtype).itemsize
    for dim in shape:
        size *= dim
    if begin < 0 or end - begin != size:
        raise CheckpointError(
            f"{what} has data_offsets {shown(offsets)}; wanted integers of at least 0 that are {size} apart, "
            f"for shape {shown(shape)} and dtype {name}"
        )
    return Tensor(dtype, shape, begin, end)
