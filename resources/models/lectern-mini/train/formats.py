"""Number formats of a V4 checkpoint, and training that feels them (spec section 3).

Tensors stay fp32 and hold values of the target grid. In training the rounding is passed through
straight: forward the rounded value, backward as if nothing had happened.
"""
import torch
import torch.nn.functional as F

FP8_MAX, FP4_MAX = 448.0, 6.0
TILE = 128  # one scale per TILE x TILE weights (FP8)
GROUP = 32  # one scale per GROUP weights of a row (FP4)


def power_of_two_scale(amax, top):
    """2^ceil(log2(amax / top)) from the bits of the quotient, and its UE8M0 byte (section 3.2)."""
    quotient = (amax.float() * torch.tensor(1.0 / top, dtype=torch.float32)).contiguous()
    bits = quotient.view(torch.int32)
    exponent = ((bits >> 23) & 0xFF) + ((bits & 0x7FFFFF) != 0).to(torch.int32)
    return torch.ldexp(torch.ones_like(quotient), exponent - 127), exponent.to(torch.uint8)


def _round_to_spacing(x, least_exponent, mantissa_bits):
    """Round to nearest even with `mantissa_bits` behind the point, subnormal below
    2^least_exponent. Adding 1.5 * 2^(23 - mantissa_bits) * 2^exponent makes fp32 do it."""
    exponent = x.contiguous().view(torch.int32).bitwise_and(0x7F800000)
    exponent = exponent.clamp_min((127 + least_exponent) << 23)
    magic = (exponent + ((23 - mantissa_bits) << 23)).view(torch.float32) * 1.5
    return (x + magic) - magic


def to_e4m3(x):
    """|x| <= 448."""
    return _round_to_spacing(x, -6, 3)


def to_e2m1(x):
    """|x| <= 6."""
    return _round_to_spacing(x, 0, 1)


def _grouped(x, size):
    return x.float().unflatten(-1, (-1, size))


def activation_fp8(x, group=128):
    groups = _grouped(x, group)
    scale, _ = power_of_two_scale(groups.abs().amax(-1, keepdim=True).clamp_min(1e-4), FP8_MAX)
    return (to_e4m3((groups / scale).clamp(-FP8_MAX, FP8_MAX)) * scale).flatten(-2)


def activation_fp4(x, group=32):
    groups = _grouped(x, group)
    amax = groups.abs().amax(-1, keepdim=True).clamp_min(FP4_MAX * 2.0**-126)
    scale, _ = power_of_two_scale(amax, FP4_MAX)
    return (to_e2m1((groups / scale).clamp(-FP4_MAX, FP4_MAX)) * scale).flatten(-2)


def weight_fp8(w):
    """[..., out, in] -> its values on the grid, the codes as numbers, a UE8M0 byte per tile."""
    w = w.float()
    n_out, n_in = w.shape[-2:]
    padded = F.pad(w.abs(), (0, -n_in % TILE, 0, -n_out % TILE))
    amax = padded.unflatten(-1, (-1, TILE)).unflatten(-3, (-1, TILE)).amax((-3, -1))
    scale, byte = power_of_two_scale(amax.clamp_min(1e-4), FP8_MAX)
    wide = scale.repeat_interleave(TILE, -2)[..., :n_out, :]
    wide = wide.repeat_interleave(TILE, -1)[..., :n_in]
    code = to_e4m3((w / wide).clamp(-FP8_MAX, FP8_MAX))
    return code * wide, code, byte


def weight_fp4(w):
    """[..., out, in] -> its values on the grid, the codes as numbers, a UE8M0 byte per group."""
    groups = _grouped(w, GROUP)
    amax = groups.abs().amax(-1, keepdim=True).clamp_min(FP4_MAX * 2.0**-126)
    scale, byte = power_of_two_scale(amax, FP4_MAX)
    code = to_e2m1((groups / scale).clamp(-FP4_MAX, FP4_MAX))
    return (code * scale).flatten(-2), code.flatten(-2), byte.squeeze(-1)


def hadamard(x):
    """Sylvester's matrix over the last dimension, scaled to be orthogonal (section 3.5)."""
    n, width = x.shape[-1], 1
    y = x
    while width < n:
        y = y.reshape(*x.shape[:-1], n // (2 * width), 2, width)
        a, b = y.unbind(-2)
        y = torch.stack((a + b, a - b), -2)
        width *= 2
    return y.reshape(x.shape) * n**-0.5


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, rounding):
        return rounding(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def feel(x, rounding):
    """`rounding(x)`, with the gradient of x."""
    return _StraightThrough.apply(x, rounding)


def feel_fp8_weight(w):
    return feel(w, lambda t: weight_fp8(t)[0])


def feel_fp4_weight(w):
    return feel(w, lambda t: weight_fp4(t)[0])
