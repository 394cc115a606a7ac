"""Tensors on CUDA's device: work of torch's current stream, in memory of torch's own."""

import torch

from ainv._libraries import cuda


def has(a):
    """Whether a tensor lies there, and this build has the feature for it."""
    return a.is_cuda and cuda.is_served()


def _view(t):
    return t.data_ptr(), tuple(t.shape), t.stride(), str(t.dtype).removeprefix("torch.")


def current(stream, a):
    """The context in which a stream is the current one of the tensor's device; None if it is not torch's."""
    if not isinstance(stream, torch.cuda.Stream):
        return None
    if stream.device != a.device:
        raise ValueError(f"the stream is on {stream.device}, the tensor on {a.device}")
    return torch.cuda.stream(stream)


def structured(name, a):
    """A matrix whose lower triangle says all."""
    above = a.tril(-1).mT
    return a.tril() + (above.conj() if name == "as_hermitian" else above)


def compute(name, arguments):
    """Our function of tensors, which come first among its arguments by name."""
    tensors = [arguments.pop(key).detach().resolve_conj().resolve_neg() for key in _tensors(arguments)]
    device = tensors[0].device
    for t in tensors:
        if t.device != device:
            raise RuntimeError(f"one tensor is on {device}, another one on {t.device}: give both there")
    cuda.check(device.index)
    for key in ("rtol", "atol"):
        if arguments.get(key) is not None:
            arguments[key] = arguments[key].cpu().numpy()

    def empty(shape, dtype):
        x = torch.empty(shape, dtype=getattr(torch, dtype), device=device)
        return x, x.data_ptr()

    stream = torch.cuda.current_stream(device).cuda_stream
    return cuda.compute(name, [_view(t) for t in tensors], empty, stream, arguments)


def _tensors(arguments):
    return [key for key in ("a", "L", "b") if key in arguments]
