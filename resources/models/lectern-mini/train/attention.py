"""Attention of one layer: a sliding window and compressed entries (spec sections 6, 9, 10)."""
import torch
import torch.nn as nn
import torch.nn.functional as F

import formats
from compressor import Compressor
from forward_pass import STRIDE
from indexer import Indexer, index_divergence, index_scores
from layers import Linear, normal, rms_norm
from rotary import rotate

ROWS = 256  # queries handled together where there are compressed entries


class Attention(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.config, self.ratio = config, config.compress_ratios[layer]
        heads, width = config.num_attention_heads, config.head_dim
        hidden, group = config.hidden_size, heads * width // config.o_groups
        latent = config.o_groups * config.o_lora_rank
        self.attn_sink = nn.Parameter(torch.zeros(heads))
        self.wq_a = Linear(hidden, config.q_lora_rank)
        self.q_norm = nn.Parameter(torch.ones(config.q_lora_rank))
        self.wq_b = Linear(config.q_lora_rank, heads * width)
        self.wkv = Linear(hidden, width)
        self.kv_norm = nn.Parameter(torch.ones(width))
        self.wo_a = normal(config.o_groups, config.o_lora_rank, group, std=group**-0.5)
        self.wo_b = Linear(latent, hidden, scale=0.3)
        self.compressor = Compressor(config, self.ratio, width) if self.ratio else None
        self.indexer = Indexer(config) if self.ratio == 4 else None

    def forward(self, x, run):
        """x [B, T, d] -> [B, T, d]"""
        config, quantised = self.config, run.switches.quantised
        eps = config.rms_norm_eps
        rope = run.rope_compressed if self.ratio else run.rope_window
        latent = rms_norm(self.wq_a(x, quantised), self.q_norm, eps)
        query = self.wq_b(latent, quantised)
        query = query.unflatten(-1, (config.num_attention_heads, config.head_dim))
        query = rotate(rms_norm(query, None, eps), rope[:, None]) * config.head_dim**-0.5
        kv = rotate(rms_norm(self.wkv(x, quantised), self.kv_norm, eps), rope)
        windows = self._windows(self._stored(kv, quantised))
        if not self.ratio:
            return self._out(self._window_only(query, windows, run), rope, quantised)

        n_tokens = x.shape[1]
        entries = self.compressor(x, rope[:: self.ratio][: n_tokens // self.ratio])
        entries = self._stored(entries, quantised)
        index = self._index(x, latent, rope, run)
        parts = [self._rows(a, min(a + ROWS, n_tokens), query, windows, entries, index, run)
                 for a in range(0, n_tokens, ROWS)]
        return self._out(torch.cat(parts, 1), rope, quantised)

    def _stored(self, kv, quantised):
        """As the cache keeps it: FP8 but for the rotary part."""
        if not quantised:
            return kv
        n = self.config.head_dim - self.config.qk_rope_head_dim
        rounded = formats.feel(kv[..., :n], lambda t: formats.activation_fp8(t, 64))
        return torch.cat([rounded, kv[..., n:]], -1)

    def _windows(self, kv):
        """[B, T, w] -> [B, T / STRIDE, window + STRIDE, w]: what each block of queries may see"""
        window = self.config.sliding_window
        n_blocks, n_tokens = kv.shape[1] // STRIDE, kv.shape[1]
        padded = F.pad(kv, (0, 0, window, 0))
        shifted = [padded[:, i * STRIDE: i * STRIDE + n_tokens].unflatten(1, (n_blocks, STRIDE))
                   for i in range(window // STRIDE + 1)]
        return torch.cat(shifted, 2)

    def _window_scores(self, query, windows, mask):
        """[B, m, h, w], [B, m / STRIDE, keys, w] -> [B, m, h, keys]"""
        heads, n_blocks = query.shape[2], windows.shape[1]
        rows = query.reshape(query.shape[0], n_blocks, STRIDE * heads, -1)
        scores = torch.matmul(rows, windows.transpose(2, 3)).unflatten(2, (STRIDE, heads))
        return (scores + mask[:, :, None, :]).flatten(1, 2)

    def _window_sum(self, p, windows):
        heads, n_blocks = p.shape[2], windows.shape[1]
        rows = p.reshape(p.shape[0], n_blocks, STRIDE * heads, -1)
        return torch.matmul(rows, windows).unflatten(2, (STRIDE, heads)).flatten(1, 2)

    def _sink(self, query):
        return self.attn_sink.view(1, 1, -1, 1).expand(*query.shape[:3], 1)

    def _window_only(self, query, windows, run):
        scores = self._window_scores(query, windows, run.window_mask)
        p = torch.softmax(torch.cat([scores, self._sink(query)], -1), -1)
        return self._window_sum(p[..., :-1], windows)

    def _index(self, x, latent, rope, run):
        """The indexer's queries, head weights and keys, when they matter."""
        if self.ratio != 4:
            return None
        selects = run.switches.sparse and x.shape[1] // 4 > self.config.index_topk
        if not selects and not run.switches.index_loss:
            return None
        return self.indexer(x.detach(), latent.detach(), rope, run.switches.quantised)

    def _rows(self, a, b, query, windows, entries, index, run):
        """Queries a to b -> [B, b - a, h, w]"""
        query, n_entries = query[:, a:b], b // self.ratio
        windows = windows[:, a // STRIDE: b // STRIDE]
        scores = self._window_scores(query, windows, run.window_mask[a // STRIDE: b // STRIDE])
        if n_entries == 0:
            p = torch.softmax(torch.cat([scores, self._sink(query)], -1), -1)
            return self._window_sum(p[..., :-1], windows)

        entries = entries[:, :n_entries]
        mask = self._visible(a, b, n_entries, query.device)
        if index is not None:
            index = (index[0][:, a:b], index[1][:, a:b], index[2][:, :n_entries])
            if run.switches.sparse and n_entries > self.config.index_topk:
                mask = mask + self._dropped(index, mask)
        flat = torch.matmul(query.flatten(1, 2), entries.transpose(1, 2))
        compressed = flat.unflatten(1, query.shape[1:3]) + mask[..., None, :]
        p = torch.softmax(torch.cat([scores, compressed, self._sink(query)], -1), -1)
        n_window = scores.shape[-1]
        p_entries = p[..., n_window:-1]
        found = torch.matmul(p_entries.flatten(1, 2), entries).unflatten(1, query.shape[1:3])
        if index is not None and run.switches.index_loss:
            run.index_losses.append(self._divergence(p_entries.detach(), index, mask, run))
        return self._window_sum(p[..., :n_window], windows) + found

    def _visible(self, a, b, n_entries, device):
        """[b - a, E]: an entry is seen from the position of its last token on"""
        complete = (torch.arange(a, b, device=device) + 1) // self.ratio
        hidden = torch.arange(n_entries, device=device)[None, :] >= complete[:, None]
        return torch.zeros(hidden.shape, device=device).masked_fill_(hidden, -1e30)

    @torch.no_grad()
    def _dropped(self, index, mask):
        """[B, m, E]: -1e30 where the entry is not among the top-k"""
        scores = index_scores(*index) + mask
        least = scores.topk(self.config.index_topk, -1).values[..., -1:]
        return torch.zeros_like(scores).masked_fill_(scores < least, -1e30)

    def _divergence(self, p, index, mask, run):
        query, weight, keys = index
        n_rows = query.shape[1]
        rows = torch.randperm(n_rows, device=query.device)[: run.switches.index_rows]
        scores = index_scores(query[:, rows], weight[:, rows], keys)
        return index_divergence(p[:, rows], scores, mask[..., rows, :])

    def _out(self, o, rope, quantised):
        """De-rotated, then projected group by group: [B, T, h, w] -> [B, T, d]"""
        groups = self.config.o_groups
        o = rotate(o, rope.conj()[:, None]).flatten(2).unflatten(2, (groups, -1))
        w = formats.feel_fp8_weight(self.wo_a) if quantised else self.wo_a
        latent = torch.cat([o[:, :, g] @ w[g].t().to(o.dtype) for g in range(groups)], -1)
        return self.wo_b(latent, quantised)
