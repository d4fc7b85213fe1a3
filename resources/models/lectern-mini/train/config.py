"""The shape of a V4 model, with the names of the official config.json (spec section 2.1)."""
import json
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Config:
    vocab_size: int = 8192
    hidden_size: int = 256
    compress_ratios: tuple = (0, 0, 4, 128, 4)  # a layer each: 0 window only, 4 CSA, 128 HCA
    num_attention_heads: int = 4
    head_dim: int = 192
    qk_rope_head_dim: int = 64
    q_lora_rank: int = 128
    o_groups: int = 2
    o_lora_rank: int = 128
    n_routed_experts: int = 8
    num_experts_per_tok: int = 2
    moe_intermediate_size: int = 128
    num_hash_layers: int = 1
    routed_scaling_factor: float = 1.5
    swiglu_limit: float = 10.0
    index_n_heads: int = 4
    index_head_dim: int = 128
    index_topk: int = 128
    sliding_window: int = 128
    rope_theta: float = 10000.0
    compress_rope_theta: float = 160000.0
    hc_mult: int = 4
    hc_sinkhorn_iters: int = 20
    hc_eps: float = 1e-6
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 1048576
    # YaRN, on the layers with compressed entries; rope_scaling in the file.
    rope_factor: float = 16.0
    rope_original: int = 65536
    beta_fast: float = 32.0
    beta_slow: float = 1.0

    @property
    def num_hidden_layers(self):
        return len(self.compress_ratios)


# "cpu" is what two cores can train in some nights; "gpu" what one large GPU can in half an hour.
PRESETS = {
    "cpu": Config(),
    "gpu": Config(
        hidden_size=384,
        compress_ratios=(0, 0, 4, 128, 4, 128, 4, 4),
        num_attention_heads=8,
        q_lora_rank=256,
        o_groups=4,
        n_routed_experts=32,
        num_experts_per_tok=4,
        moe_intermediate_size=256,
    ),
}

_SCALING = {"factor": "rope_factor", "original_max_position_embeddings": "rope_original",
            "beta_fast": "beta_fast", "beta_slow": "beta_slow"}
_FIXED = {
    "architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4",
    "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 1,
    "hidden_act": "silu", "initializer_range": 0.02, "n_shared_experts": 1,
    "norm_topk_prob": True, "num_key_value_heads": 1, "scoring_func": "sqrtsoftplus",
    "topk_method": "noaux_tc", "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "use_cache": True, "num_nextn_predict_layers": 0, "expert_dtype": "fp4",
    "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                            "scale_fmt": "ue8m0", "weight_block_size": [128, 128]},
}


def to_json(config):
    """The official config.json of `config`."""
    scaling = {"type": "yarn"} | {key: getattr(config, name) for key, name in _SCALING.items()}
    own = {f.name: getattr(config, f.name) for f in fields(config)
           if f.name not in _SCALING.values()}
    own["compress_ratios"] = list(config.compress_ratios)
    return _FIXED | own | {"num_hidden_layers": config.num_hidden_layers, "rope_scaling": scaling}


def read_config(folder):
    """The Config of an exported model's folder."""
    file = json.loads((Path(folder) / "config.json").read_text())
    names = {f.name for f in fields(Config)}
    values = {name: value for name, value in file.items() if name in names}
    values |= {name: file["rope_scaling"][key] for key, name in _SCALING.items()}
    values["compress_ratios"] = tuple(values["compress_ratios"])
    return Config(**values)
