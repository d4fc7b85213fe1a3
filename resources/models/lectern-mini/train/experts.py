"""Mixture of experts: routed FP4 experts and a shared FP8 one (spec section 11)."""
import torch
import torch.nn as nn
import torch.nn.functional as F

import formats
from layers import normal


class _Repeat(torch.autograd.Function):
    """Row i of x to the places where `order` names one of its k copies; no atomic additions."""

    @staticmethod
    def forward(ctx, x, order, inverse, k):
        ctx.save_for_backward(inverse)
        ctx.k = k
        return x.index_select(0, order // k)

    @staticmethod
    def backward(ctx, gradient):
        (inverse,) = ctx.saved_tensors
        copies = gradient.index_select(0, inverse).unflatten(0, (-1, ctx.k))
        return copies.sum(1), None, None, None


class _Gather(torch.autograd.Function):
    """The way back: the k copies of each row added up."""

    @staticmethod
    def forward(ctx, y, order, inverse, k):
        ctx.save_for_backward(order)
        ctx.k = k
        return y.index_select(0, inverse).unflatten(0, (-1, k)).sum(1)

    @staticmethod
    def backward(ctx, gradient):
        (order,) = ctx.saved_tensors
        return gradient.index_select(0, order // ctx.k), None, None, None


def hash_table(config, layer):
    """[vocab, k]: fixed, distinct, balanced experts of each token id"""
    generator = torch.Generator().manual_seed(1234 + layer)
    n, k = config.n_routed_experts, config.num_experts_per_tok
    if k > 2:
        rows = [torch.randperm(n, generator=generator)[:k] for _ in range(config.vocab_size)]
        return torch.stack(rows)
    first = torch.randperm(config.vocab_size, generator=generator) % n
    step = 1 + torch.randperm(config.vocab_size, generator=generator) % (n - 1)
    return torch.stack([(first + i * step) % n for i in range(k)], 1)


class Experts(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.config, self.hashed = config, layer < config.num_hash_layers
        hidden, inner, n = config.hidden_size, config.moe_intermediate_size, config.n_routed_experts
        self.gate = normal(n, hidden, std=0.5 * hidden**-0.5)
        if self.hashed:
            self.register_buffer("tid2eid", hash_table(config, layer))
        else:
            self.register_buffer("bias", torch.zeros(n))
        # w1 (gate) above w3 (up).
        self.w13 = normal(n, 2 * inner, hidden, std=hidden**-0.5)
        self.w2 = normal(n, hidden, inner, std=0.3 * inner**-0.5)
        self.shared_w13 = normal(2 * inner, hidden, std=hidden**-0.5)
        self.shared_w2 = normal(hidden, inner, std=0.3 * inner**-0.5)

    def forward(self, x, ids, run):
        shape, k = x.shape, self.config.num_experts_per_tok
        x = x.reshape(-1, shape[-1])
        chosen, weight = self._route(x, ids.reshape(-1))
        quantised = run.switches.quantised
        if quantised:
            x = formats.feel(x, formats.activation_fp8)
        w13, w2, shared_w13, shared_w2 = self._weights(quantised)

        order = torch.argsort(chosen.reshape(-1), stable=True)
        inverse = torch.empty_like(order)
        inverse[order] = torch.arange(len(order), device=x.device)
        counts = torch.bincount(chosen.reshape(-1), minlength=self.config.n_routed_experts)
        run.expert_loads.append((self, counts))
        sizes = counts.tolist()

        rows = _Repeat.apply(x, order, inverse, k).split(sizes)
        inner = torch.cat([F.linear(r, w.to(r.dtype)) for r, w in zip(rows, w13)])
        inner = self._activation(inner, quantised, weight.reshape(-1)[order][:, None])
        rows = inner.to(x.dtype).split(sizes)
        routed = torch.cat([F.linear(r, w.to(r.dtype)) for r, w in zip(rows, w2)])
        shared = self._activation(F.linear(x, shared_w13.to(x.dtype)), quantised).to(x.dtype)
        y = _Gather.apply(routed.float(), order, inverse, k)
        return (y + F.linear(shared, shared_w2.to(x.dtype))).view(shape)

    def _route(self, x, ids):
        score = F.softplus(F.linear(x.float(), self.gate.float())).sqrt()
        if self.hashed:
            chosen = self.tid2eid[ids]
        else:
            k = self.config.num_experts_per_tok
            chosen = (score.detach() + self.bias).topk(k, -1).indices
        weight = score.gather(1, chosen)
        return chosen, weight / weight.sum(-1, keepdim=True) * self.config.routed_scaling_factor

    def _weights(self, quantised):
        if not quantised:
            return self.w13, self.w2, self.shared_w13, self.shared_w2
        shared = [formats.feel_fp8_weight(half) for half in self.shared_w13.chunk(2)]
        return (formats.feel_fp4_weight(self.w13), formats.feel_fp4_weight(self.w2),
                torch.cat(shared), formats.feel_fp8_weight(self.shared_w2))

    def _activation(self, inner, quantised, weight=1.0):
        """Clamped SwiGLU; the routing weight comes before the rounding."""
        gate, up = inner.float().chunk(2, -1)
        limit = self.config.swiglu_limit
        y = F.silu(gate.clamp(max=limit)) * up.clamp(-limit, limit) * weight
        return formats.feel(y, formats.activation_fp8) if quantised else y

    @torch.no_grad()
    def balance(self, counts, speed):
        """Overloaded experts become less likely; no gradient is involved (section 18.2)."""
        if not self.hashed:
            counts = counts.float()
            self.bias += speed * torch.sign(counts.mean() - counts)
