"""The official checkpoint layout, both ways (spec section 15).

    python3 official.py CHECKPOINT FOLDER     # a training run's checkpoint to a model's folder
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import config as configs
import formats
from checkpoint import load_checkpoint, model_of
from model import Model

HERE = Path(__file__).parent
FILE = "model-00001-of-00001.safetensors"
FP4_VALUES = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])
BOS, EOS, PAD = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"


def _names(config):
    """(parameter of Model, official name, format, part); part picks an expert, or w1 / w3."""
    yield "embed", "embed.weight", "bf16", None
    yield "head", "head.weight", "bf16", None
    yield "norm", "norm.weight", "bf16", None
    for name in ("hc_head_fn", "hc_head_base", "hc_head_scale"):
        yield name, name, "fp32", None
    for i, ratio in enumerate(config.compress_ratios):
        layer = f"layers.{i}."
        for norm in ("attn_norm", "ffn_norm"):
            yield layer + norm, f"{layer}{norm}.weight", "bf16", None
        for hc in ("hc_attn", "hc_ffn"):
            for name in ("fn", "base", "scale"):
                yield f"{layer}{hc}.{name}", f"{layer}{hc}_{name}", "fp32", None
        yield from _attention_names(layer + "attn.", ratio)
        yield from _expert_names(layer + "ffn.", i, config)


def _attention_names(attention, ratio):
    yield attention + "attn_sink", attention + "attn_sink", "fp32", None
    for name in ("wq_a", "wq_b", "wkv", "wo_b"):
        yield f"{attention}{name}.weight", attention + name, "fp8", None
    yield attention + "wo_a", attention + "wo_a", "fp8", "rows"
    for norm in ("q_norm", "kv_norm"):
        yield attention + norm, f"{attention}{norm}.weight", "bf16", None
    if ratio:
        yield from _compressor_names(attention + "compressor.")
    if ratio == 4:
        indexer = attention + "indexer."
        yield indexer + "wq_b.weight", indexer + "wq_b", "fp8", None
        yield indexer + "weights_proj", indexer + "weights_proj.weight", "bf16", None
        yield from _compressor_names(indexer + "compressor.")


def _compressor_names(compressor):
    yield compressor + "ape", compressor + "ape", "fp32", None
    for name in ("wkv", "wgate", "norm"):
        yield compressor + name, f"{compressor}{name}.weight", "bf16", None


def _expert_names(experts, layer, config):
    yield experts + "gate", experts + "gate.weight", "bf16", None
    if layer < config.num_hash_layers:
        yield experts + "tid2eid", experts + "gate.tid2eid", "int64", None
    else:
        yield experts + "bias", experts + "gate.bias", "fp32", None
    half = config.moe_intermediate_size
    first, second = slice(0, half), slice(half, 2 * half)
    for e in range(config.n_routed_experts):
        one = f"{experts}experts.{e}."
        yield experts + "w13", one + "w1", "fp4", (e, first)
        yield experts + "w13", one + "w3", "fp4", (e, second)
        yield experts + "w2", one + "w2", "fp4", (e,)
    shared = experts + "shared_experts."
    yield experts + "shared_w13", shared + "w1", "fp8", (first,)
    yield experts + "shared_w13", shared + "w3", "fp8", (second,)
    yield experts + "shared_w2", shared + "w2", "fp8", None


def _packed_fp4(codes):
    """Two codes a byte, the even column in the low half"""
    index = (codes.abs().unsqueeze(-1) == FP4_VALUES).int().argmax(-1)
    index = index + 8 * ((codes < 0).int())
    return (index[..., 0::2] | (index[..., 1::2] << 4)).to(torch.uint8).view(torch.int8)


def _unpacked_fp4(packed):
    byte = packed.view(torch.uint8).int()
    index = torch.stack([byte & 15, byte >> 4], -1).flatten(-2)
    return FP4_VALUES[index & 7] * torch.where(index > 7, -1.0, 1.0)


def _scale_values(scale):
    return torch.ldexp(torch.ones(scale.shape), scale.view(torch.uint8).int() - 127)


def official_tensors(model):
    state, tensors = model.state_dict(), {}
    for name, official, kind, part in _names(model.config):
        t = state[name]
        if part == "rows":
            t = t.flatten(0, 1)
        elif part is not None:
            t = t[part]
        if kind == "fp8":
            _, code, byte = formats.weight_fp8(t)
            tensors[official + ".weight"] = code.to(torch.float8_e4m3fn)
            tensors[official + ".scale"] = byte.view(torch.float8_e8m0fnu)
        elif kind == "fp4":
            _, code, byte = formats.weight_fp4(t)
            tensors[official + ".weight"] = _packed_fp4(code)
            tensors[official + ".scale"] = byte.view(torch.float8_e8m0fnu)
        else:
            dtype = {"bf16": torch.bfloat16, "fp32": torch.float32, "int64": torch.int64}[kind]
            tensors[official] = t.to(dtype)
    return {name: t.contiguous() for name, t in tensors.items()}


def read_official(folder):
    """A Model with the exported weights, to train on or to measure"""
    model = Model(configs.read_config(folder))
    tensors, state = load_file(str(Path(folder) / FILE)), model.state_dict()
    for name, official, kind, part in _names(model.config):
        if kind == "fp8":
            t = tensors[official + ".weight"].float()
            scale = _scale_values(tensors[official + ".scale"])
            scale = scale.repeat_interleave(formats.TILE, 0)[: t.shape[0]]
            t = t * scale.repeat_interleave(formats.TILE, 1)[:, : t.shape[1]]
        elif kind == "fp4":
            t = _unpacked_fp4(tensors[official + ".weight"])
            t = t * _scale_values(tensors[official + ".scale"]).repeat_interleave(formats.GROUP, -1)
        else:
            t = tensors[official]
        target = state[name]
        if part is not None and part != "rows":
            target = target[part]
        target.copy_(t.reshape(target.shape))
    return model


def _write(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _added(text):
    return {"__type": "AddedToken", "content": text, "lstrip": False, "normalized": True,
            "rstrip": False, "single_word": False}


def write_official(model, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = official_tensors(model)
    save_file(tensors, str(folder / FILE), metadata={"format": "pt"})
    (folder / FILE).chmod(0o644)
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    _write(folder / "model.safetensors.index.json",
           {"metadata": {"total_size": size}, "weight_map": dict.fromkeys(sorted(tensors), FILE)})
    _write(folder / "config.json", configs.to_json(model.config))
    _write(folder / "generation_config.json", {"_from_model_config": True, "bos_token_id": 0,
                                               "eos_token_id": 1, "do_sample": False})
    _write(folder / "tokenizer_config.json", {
        "add_bos_token": False, "add_eos_token": False, "bos_token": _added(BOS),
        "clean_up_tokenization_spaces": False, "eos_token": _added(EOS), "legacy": True,
        "model_max_length": model.config.max_position_embeddings, "pad_token": _added(PAD),
        "unk_token": None, "tokenizer_class": "PreTrainedTokenizerFast"})
    tokenizer = HERE.parent / "tokenizer.json"
    if folder.resolve() != HERE.parent.resolve():
        shutil.copy(tokenizer, folder / "tokenizer.json")
    return size


if __name__ == "__main__":
    print(write_official(model_of(load_checkpoint(sys.argv[1])), sys.argv[2]), "bytes")
