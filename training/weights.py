"""All weights of a network in flat buffers: one optimiser step, one average, one message between GPUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genmo.training.network import Denoiser


class FlatWeights:
    """Parameters of a network that train, in flat buffers: float32 masters, bfloat16 copies for the trunk.

    Attributes:
        parameters: those that train, the trunk's first.
        master: (N,) float32.
        gradient: (N,) float32, of the masters; that of the trunk is there after `gather`.
    """

    def __init__(self, network: Denoiser) -> None:
        """Move the parameters of `network` into the buffers, on the device where they are."""
        low = list(network.trunk.parameters())
        inside = {id(parameter) for parameter in low}
        high = [p for p in network.parameters() if p.requires_grad and id(p) not in inside]
        self._names = {id(parameter): name for name, parameter in network.named_parameters()}
        self.parameters = low + high
        self.master = torch.cat([p.data.float().reshape(-1) for p in self.parameters])
        self.gradient = torch.zeros_like(self.master)
        self.master.grad = self.gradient
        self._low_size = sum(p.numel() for p in low)
        self._low = self.master[: self._low_size].bfloat16()
        self._low_grad = torch.zeros_like(self._low)
        network.trunk_type = torch.bfloat16
        _bind(low, self._low, self._low_grad)
        _bind(high, self.master[self._low_size :], self.gradient[self._low_size :])

    def gather(self) -> None:
        """Copy the trunk's gradients into the masters' gradient."""
        self.gradient[: self._low_size].copy_(self._low_grad)

    def spread(self) -> None:
        """Copy changed masters into the trunk and clear all gradients."""
        self._low.copy_(self.master[: self._low_size])
        self._low_grad.zero_()
        self.gradient.zero_()

    def state(self, flat: Tensor) -> dict[str, Tensor]:
        """State dict of a flat buffer (N,) that is laid out like the masters."""
        out, start = {}, 0
        for parameter in self.parameters:
            part = flat[start : start + parameter.numel()]
            out[self._names[id(parameter)]] = part.view(parameter.shape).clone()
            start += parameter.numel()
        return out


def _bind(parameters: list[nn.Parameter], data: Tensor, grad: Tensor) -> None:
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = data[start:stop].view_as(parameter)
        parameter.grad = grad[start:stop].view_as(parameter)
        start = stop
