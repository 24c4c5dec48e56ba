"""Random students of published architectures, from a recipe. Leaves out: training them."""

from __future__ import annotations

from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    Lfm2Config,
    Lfm2ForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from iotcall.distill.recipe import Recipe

CONTEXT = 2048
"""Positions that a student from scratch may use."""
LEARNT_POSITIONS = 352
"""Positions of an architecture that has a vector for each, which take room in a bundle."""


def new_student(recipe: Recipe, vocabulary: int, pad_id: int, end_id: int) -> PreTrainedModel:
    """A randomly initialised student; torch's seed must be set by the caller."""
    shared = {
        "vocab_size": vocabulary, "hidden_size": recipe.width,
        "num_hidden_layers": recipe.layers, "num_attention_heads": recipe.heads,
        "num_key_value_heads": recipe.key_value_heads, "max_position_embeddings": CONTEXT,
        "pad_token_id": pad_id, "bos_token_id": None, "eos_token_id": end_id,
        "tie_word_embeddings": True,
        # subtle: the published 0.02 suits widths of a thousand; small students barely learn from it
        "initializer_range": recipe.width ** -0.5,
    }
    head = {"head_dim": recipe.width // recipe.heads, "intermediate_size": recipe.inner_width}
    config: PretrainedConfig
    match recipe.architecture:
        case "qwen3":
            return Qwen3ForCausalLM(Qwen3Config(**shared, **head))
        case "gemma3":
            # every second layer sees all, the others a window: both kinds in a small student
            kinds = ["full_attention" if layer % 2 else "sliding_attention"
                     for layer in range(recipe.layers)]
            config = Gemma3TextConfig(**shared, **head, sliding_window=128, layer_types=kinds,
                                      query_pre_attn_scalar=recipe.width // recipe.heads)
            return Gemma3ForCausalLM(config)
        case "lfm2":
            kinds = ["full_attention" if layer % 2 else "conv" for layer in range(recipe.layers)]
            config = Lfm2Config(**shared, layer_types=kinds, block_ff_dim=recipe.inner_width,
                                block_auto_adjust_ff_dim=False, conv_L_cache=3)
            return Lfm2ForCausalLM(config)
        case "opt":
            return OPTForCausalLM(_opt(recipe, vocabulary, pad_id, end_id))


def _opt(recipe: Recipe, vocabulary: int, pad_id: int, end_id: int) -> OPTConfig:
    """A decoder built like BERT: norms behind the blocks, biases, a vector for each position."""
    return OPTConfig(
        vocab_size=vocabulary, hidden_size=recipe.width, word_embed_proj_dim=recipe.width,
        num_hidden_layers=recipe.layers, num_attention_heads=recipe.heads,
        ffn_dim=recipe.inner_width, max_position_embeddings=LEARNT_POSITIONS,
        do_layer_norm_before=False, activation_function="gelu", dropout=recipe.dropout,
        attention_dropout=0.0, init_std=0.02,
        pad_token_id=pad_id, bos_token_id=None, eos_token_id=end_id, tie_word_embeddings=True)
