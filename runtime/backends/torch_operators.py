"""The ONNX operators that our packs use, in torch (onnx.ai/onnx/operators). torch is handed in, never imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

TORCH_TYPES: Final = {
    1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64",
}  # fmt: skip

Operator = Callable[..., Any]
"""Takes the attributes by name and the inputs in order; a missing input is None."""


def operators(torch: Any) -> dict[str, Operator]:
    """Operator name -> function of (attributes, *inputs)."""
    functional = torch.nn.functional
    plain = {
        "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": _divided(torch), "Pow": torch.pow,
        "Sqrt": torch.sqrt, "Sin": torch.sin, "Cos": torch.cos, "Tanh": torch.tanh, "Erf": torch.erf,
        "Sigmoid": torch.sigmoid, "Relu": torch.relu, "Max": torch.maximum, "Min": torch.minimum,
        "Greater": torch.gt, "Where": torch.where, "MatMul": torch.matmul,
    }  # fmt: skip
    table: dict[str, Operator] = {name: _without_attributes(function) for name, function in plain.items()}
    table |= {
        "Identity": lambda a, x: x,
        "Cast": lambda a, x: x.to(getattr(torch, TORCH_TYPES[a["to"]])),
        "Gelu": lambda a, x: functional.gelu(x, approximate=a.get("approximate", "none")),
        "LeakyRelu": lambda a, x: functional.leaky_relu(x, a.get("alpha", 0.01)),
        "Softmax": lambda a, x: torch.softmax(x, a.get("axis", -1)),
        "LayerNormalization": lambda a, x, w, b=None: functional.layer_norm(
            x, x.shape[-1:], w, b, a.get("epsilon", 1e-5)
        ),
        "Concat": lambda a, *parts: torch.cat(parts, a["axis"]),
        "Transpose": lambda a, x: x.permute(a["perm"]),
        "Clip": lambda a, x, low=None, high=None: torch.clamp(x, low, high),
        "Conv": lambda a, x, w, b=None: functional.conv1d(x, w, b, a["strides"][0], a["pads"][0]),
        "Gemm": lambda a, x, y, c=None: _gemm(a, x, y, c),
        "Range": lambda a, start, stop, step: torch.arange(int(start), int(stop), int(step), device=start.device),
        "DynamicQuantizeLinear": lambda a, x: _quantised(torch, x),
        "MatMulInteger": lambda a, x, w, zero=None: _integer_product(torch, x, w, zero),
        "DequantizeLinear": lambda a, x, scale, zero=None: (
            x.to(scale.dtype) * scale.reshape([-1 if axis == a.get("axis", 1) else 1 for axis in range(x.dim())])
        ),
    }
    return table | _shapes(torch) | _reductions(torch)


def _without_attributes(function: Callable[..., Any]) -> Operator:
    return lambda attributes, *inputs: function(*inputs)


def _divided(torch: Any) -> Callable[..., Any]:
    def divide(x: Any, y: Any) -> Any:
        return torch.div(x, y) if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")

    return divide


def _gemm(attributes: dict[str, Any], x: Any, y: Any, bias: Any) -> Any:
    left = x.T if attributes.get("transA", 0) else x
    right = y.T if attributes.get("transB", 0) else y
    product = attributes.get("alpha", 1.0) * (left @ right)
    return product if bias is None else product + attributes.get("beta", 1.0) * bias


def _shapes(torch: Any) -> dict[str, Operator]:
    """Operators that move values about."""
    functional = torch.nn.functional
    return {
        "Slice": _slice, "Reshape": _reshape, "Unsqueeze": _unsqueeze, "Squeeze": _squeeze,
        "Gather": lambda a, x, index: _gather(torch, a.get("axis", 0) % x.dim(), x, index),
        "Split": lambda a, x, sizes=None: _split(torch, a, x, sizes),
        "Pad": lambda a, x, pads, value=None, axes=None: functional.pad(
            x, _amounts(x.dim(), pads.tolist(), axes), value=0.0 if value is None else float(value)
        ),
        "Shape": lambda a, x: torch.tensor(
            list(x.shape)[a.get("start", 0) : a.get("end")], dtype=torch.int64, device=x.device
        ),
        "Expand": lambda a, x, sizes: x.expand(torch.broadcast_shapes(tuple(x.shape), tuple(sizes.tolist()))),
    }  # fmt: skip


def _gather(torch: Any, axis: int, x: Any, index: Any) -> Any:
    taken = torch.index_select(x, axis, index.reshape(-1))
    return taken.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


def _slice(attributes: dict[str, Any], x: Any, starts: Any, stops: Any, axes: Any = None, steps: Any = None) -> Any:
    along = axes.tolist() if axes is not None else list(range(len(starts)))
    by = steps.tolist() if steps is not None else [1] * len(starts)
    at = [slice(None)] * x.dim()
    for axis, start, stop, step in zip(along, starts.tolist(), stops.tolist(), by, strict=True):
        at[axis] = slice(start, stop, step)
    return x[tuple(at)]


def _reshape(attributes: dict[str, Any], x: Any, shape: Any) -> Any:
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape.tolist())])


def _unsqueeze(attributes: dict[str, Any], x: Any, axes: Any) -> Any:
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _squeeze(attributes: dict[str, Any], x: Any, axes: Any = None) -> Any:
    return x.squeeze() if axes is None else x.squeeze(tuple(axes.tolist()))


def _split(torch: Any, attributes: dict[str, Any], x: Any, sizes: Any = None) -> Any:
    axis = attributes.get("axis", 0)
    parts = sizes.tolist() if sizes is not None else -(-x.shape[axis] // attributes["num_outputs"])
    return torch.split(x, parts, axis)


def _amounts(rank: int, pads: list[int], axes: Any) -> list[int]:
    """Padding as torch wants it: last axis first, before and after."""
    along = axes.tolist() if axes is not None else list(range(rank))
    amounts = [0] * (2 * rank)
    for index, axis in enumerate(along):
        place = 2 * (rank - 1 - axis % rank)
        amounts[place], amounts[place + 1] = pads[index], pads[index + len(along)]
    return amounts


def _reductions(torch: Any) -> dict[str, Operator]:
    def reduced(function: Callable[..., Any]) -> Operator:
        def reduce(attributes: dict[str, Any], x: Any, axes: Any = None) -> Any:
            along = axes.tolist() if axes is not None else attributes.get("axes", list(range(x.dim())))
            return function(x, along, keepdim=bool(attributes.get("keepdims", 1)))

        return reduce

    def length(x: Any, along: list[int], *, keepdim: bool) -> Any:
        return torch.linalg.vector_norm(x, dim=along, keepdim=keepdim)

    return {"ReduceSum": reduced(torch.sum), "ReduceMean": reduced(torch.mean), "ReduceL2": reduced(length)}


def _quantised(torch: Any, x: Any) -> tuple[Any, Any, Any]:
    """uint8 values, scale and zero point that cover the range of x and 0."""
    low, high = torch.clamp(x.min(), max=0.0), torch.clamp(x.max(), min=0.0)
    scale = torch.clamp((high - low) / 255.0, min=1e-30)
    zero = torch.clamp(torch.round(-low / scale), 0.0, 255.0)
    values = torch.clamp(torch.round(x / scale) + zero, 0.0, 255.0)
    return values.to(torch.uint8), scale, zero.to(torch.uint8)


def _integer_product(torch: Any, x: Any, weight: Any, zero: Any) -> Any:
    """The product of small integers, exact: their sums stay far below 2^53."""
    left = x.to(torch.float64) - (0 if zero is None else zero.to(torch.float64))
    return (left @ weight.to(torch.float64)).to(torch.int32)
