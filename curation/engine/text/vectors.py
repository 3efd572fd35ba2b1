"""
64 bytes at a time: the LLVM instructions under the word kernels.

Folded text is what the kernels read: lower-cased UTF-8 in which every character outside `\\w` is one byte
SEPARATOR (0), so a word is a run of bytes above BREAK. BREAK (1) ends a word without being a character of the
original. Arrays are C-contiguous uint8; whoever calls keeps 128 spare bytes behind what is read or written.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from curation.engine.text.jit import intrinsic

SEPARATOR, BREAK = 0, 1
SPARE = 128

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)
_BLOCK = ir.VectorType(_BYTE, 64)


def _all(value: int) -> ir.Constant:
    return ir.Constant(_BLOCK, [value] * 64)


def _at(context: Any, builder: Any, array_type: Any, kind: Any, array: Any, index: Any) -> Any:
    """A pointer to `kind` at byte `index` of a uint8 array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


def _mask(builder: Any, flags: Any) -> Any:
    return builder.bitcast(flags, _WORD)


@intrinsic
def load64(_: Any, source: Any, index: Any) -> Any:
    """Eight bytes from `source[index]` on, as one little-endian uint64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_at(context, builder, signature.args[0], _WORD, *args), align=1)

    return types.uint64(source, types.intp), generate


@intrinsic
def fold64(_: Any, source: Any, i: Any, target: Any, j: Any) -> Any:
    """Fold 64 ASCII bytes from `source[i]` to `target[j]`; returns the mask of bytes that are not ASCII."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = builder.load(_at(context, builder, signature.args[0], _BLOCK, args[0], args[1]), align=1)

        def within(first: str, last: str, value: Any) -> Any:
            shifted = builder.sub(value, _all(ord(first)))
            return builder.icmp_unsigned("<=", shifted, _all(ord(last) - ord(first)))

        lower = builder.or_(block, _all(0x20))
        letter, digit = within("a", "z", lower), within("0", "9", block)
        other = builder.or_(digit, builder.icmp_unsigned("==", block, _all(ord("_"))))
        folded = builder.select(letter, lower, builder.select(other, block, _all(SEPARATOR)))
        store = _at(context, builder, signature.args[2], _BLOCK, args[2], args[3])
        builder.store(folded, store, align=1)
        return _mask(builder, builder.icmp_signed("<", block, _all(0)))

    return types.uint64(source, types.intp, target, types.intp), generate


@intrinsic
def separate64(_: Any, target: Any, index: Any) -> Any:
    """Write 64 separators from `target[index]` on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        store = _at(context, builder, signature.args[0], _BLOCK, *args)
        builder.store(_all(SEPARATOR), store, align=1)
        return context.get_dummy_value()

    return types.void(target, types.intp), generate


@intrinsic
def words64(_: Any, folded: Any, index: Any) -> Any:
    """Mask of the bytes that belong to words among the 64 from `folded[index]` on; bit 0 is the first."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = builder.load(_at(context, builder, signature.args[0], _BLOCK, *args), align=1)
        return _mask(builder, builder.icmp_unsigned(">", block, _all(BREAK)))

    return types.uint64(folded, types.intp), generate


@intrinsic
def characters64(_: Any, folded: Any, index: Any) -> Any:
    """Mask of the bytes that begin a character of the original text, like `words64`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = builder.load(_at(context, builder, signature.args[0], _BLOCK, *args), align=1)
        lead = builder.icmp_unsigned("!=", builder.and_(block, _all(0xC0)), _all(0x80))
        return _mask(builder, builder.and_(lead, builder.icmp_unsigned("!=", block, _all(BREAK))))

    return types.uint64(folded, types.intp), generate


@intrinsic
def prefetch(_: Any, array: Any, index: Any) -> Any:
    """Begin to load `array[index]` (uint64 index) into the cache, without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, number = _BYTE.as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), pointer)
        builder.call(hint, [address, *(ir.Constant(number, setting) for setting in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.uint64), generate


@intrinsic
def lowest_bit(_: Any, mask: Any) -> Any:
    """Position of the lowest set bit; 64 for no bit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def bit_count(_: Any, mask: Any) -> Any:
    """How many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate
