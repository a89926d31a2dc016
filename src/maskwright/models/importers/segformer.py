"""SegFormer from MMSegmentation, from Hugging Face (old and new names), and from its authors."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from maskwright.models.importers.rules import Origin, Rule, as_linear, left_out, reversed_blocks, rule

_BLOCK = "encoder.stages.{s}.blocks.{b}"
_ATTENTION = f"{_BLOCK}.attention"
_WHOLE_IMAGES = "classifies whole images"


def _query_and_rest(tensor: Tensor) -> Sequence[Tensor]:
    """Query, key and value one below the other: the query, and the other two together."""
    width = tensor.shape[0] // 3
    return tensor[:width], tensor[width:]


MMSEGMENTATION = Origin(
    name="SegFormer of MMSegmentation",
    told_by=("backbone.layers.{s}.1.{b}.attn.attn.in_proj_weight",),
    encoder_prefix="backbone.",
    forms=("mmsegmentation",),
    family="segformer",
    rules=(
        rule("backbone.layers.{s}.0.projection.{leaf}", "encoder.stages.{s}.patches.projection.{leaf}"),
        rule("backbone.layers.{s}.0.norm.{leaf}", "encoder.stages.{s}.patches.norm.{leaf}"),
        rule("backbone.layers.{s}.1.{b}.norm1.{leaf}", f"{_BLOCK}.norm1.{{leaf}}"),
        rule("backbone.layers.{s}.1.{b}.norm2.{leaf}", f"{_BLOCK}.norm2.{{leaf}}"),
        rule(
            "backbone.layers.{s}.1.{b}.attn.attn.in_proj_weight",
            f"{_ATTENTION}.query.weight",
            f"{_ATTENTION}.key_value.weight",
            change=_query_and_rest,
        ),
        rule(
            "backbone.layers.{s}.1.{b}.attn.attn.in_proj_bias",
            f"{_ATTENTION}.query.bias",
            f"{_ATTENTION}.key_value.bias",
            change=_query_and_rest,
        ),
        rule("backbone.layers.{s}.1.{b}.attn.attn.out_proj.{leaf}", f"{_ATTENTION}.project.{{leaf}}"),
        rule("backbone.layers.{s}.1.{b}.attn.sr.{leaf}", f"{_ATTENTION}.reduce.{{leaf}}"),
        rule("backbone.layers.{s}.1.{b}.attn.norm.{leaf}", f"{_ATTENTION}.reduce_norm.{{leaf}}"),
        rule("backbone.layers.{s}.1.{b}.ffn.layers.0.{leaf}", f"{_BLOCK}.ffn.expand.{{leaf}}", change=as_linear),
        rule("backbone.layers.{s}.1.{b}.ffn.layers.1.{leaf}", f"{_BLOCK}.ffn.depthwise.{{leaf}}"),
        rule("backbone.layers.{s}.1.{b}.ffn.layers.4.{leaf}", f"{_BLOCK}.ffn.contract.{{leaf}}", change=as_linear),
        rule("backbone.layers.{s}.2.{leaf}", "encoder.stages.{s}.norm.{leaf}"),
        rule("decode_head.convs.{s}.conv.{leaf}", "head.projections.{s}.0.{leaf}"),
        rule("decode_head.convs.{s}.bn.{leaf}", "head.projections.{s}.1.{leaf}"),
        rule("decode_head.fusion_conv.conv.weight", "head.fuse.weight", change=as_linear),
        rule("decode_head.fusion_conv.bn.{leaf}", "head.norm.{leaf}"),
        rule("decode_head.conv_seg.{leaf}", "head.classifier.{leaf}"),
    ),
)

_HUGGING_FACE_HEAD = (
    rule("decode_head.linear_fuse.weight", "head.fuse.weight", change=reversed_blocks),
    rule("decode_head.batch_norm.{leaf}", "head.norm.{leaf}"),
    rule("decode_head.classifier.{leaf}", "head.classifier.{leaf}"),
    left_out("classifier.{leaf}", _WHOLE_IMAGES),
)

HUGGING_FACE = Origin(
    name="SegFormer of Hugging Face",
    told_by=("segformer.encoder.block.{s}.{b}.attention.self.query.weight",),
    forms=("huggingface",),
    family="segformer",
    rules=(
        rule("segformer.encoder.patch_embeddings.{s}.proj.{leaf}", "encoder.stages.{s}.patches.projection.{leaf}"),
        rule("segformer.encoder.patch_embeddings.{s}.layer_norm.{leaf}", "encoder.stages.{s}.patches.norm.{leaf}"),
        rule("segformer.encoder.block.{s}.{b}.layer_norm_1.{leaf}", f"{_BLOCK}.norm1.{{leaf}}"),
        rule("segformer.encoder.block.{s}.{b}.layer_norm_2.{leaf}", f"{_BLOCK}.norm2.{{leaf}}"),
        rule("segformer.encoder.block.{s}.{b}.attention.self.query.{leaf}", f"{_ATTENTION}.query.{{leaf}}"),
        rule("segformer.encoder.block.{s}.{b}.attention.self.key.{leaf}", f"{_ATTENTION}.key_value.{{leaf}}"),
        rule(
            "segformer.encoder.block.{s}.{b}.attention.self.value.{leaf}", f"{_ATTENTION}.key_value.{{leaf}}", place=1
        ),
        rule("segformer.encoder.block.{s}.{b}.attention.self.sr.{leaf}", f"{_ATTENTION}.reduce.{{leaf}}"),
        rule("segformer.encoder.block.{s}.{b}.attention.self.layer_norm.{leaf}", f"{_ATTENTION}.reduce_norm.{{leaf}}"),
        rule("segformer.encoder.block.{s}.{b}.attention.output.dense.{leaf}", f"{_ATTENTION}.project.{{leaf}}"),
        rule("segformer.encoder.block.{s}.{b}.mlp.dense1.{leaf}", f"{_BLOCK}.ffn.expand.{{leaf}}"),
        rule("segformer.encoder.block.{s}.{b}.mlp.dwconv.dwconv.{leaf}", f"{_BLOCK}.ffn.depthwise.{{leaf}}"),
        rule("segformer.encoder.block.{s}.{b}.mlp.dense2.{leaf}", f"{_BLOCK}.ffn.contract.{{leaf}}"),
        rule("segformer.encoder.layer_norm.{s}.{leaf}", "encoder.stages.{s}.norm.{leaf}"),
        rule("decode_head.linear_c.{s}.proj.{leaf}", "head.projections.{s}.{leaf}"),
        *_HUGGING_FACE_HEAD,
    ),
)

_NEW_BLOCK = "segformer.stages.{s}.blocks.{b}"

HUGGING_FACE_5 = Origin(
    name="SegFormer of Hugging Face (transformers 5)",
    told_by=("segformer.stages.{s}.blocks.{b}.attention.q_proj.weight",),
    forms=("huggingface",),
    family="segformer",
    rules=(
        rule("segformer.stages.{s}.patch_embeddings.proj.{leaf}", "encoder.stages.{s}.patches.projection.{leaf}"),
        rule("segformer.stages.{s}.patch_embeddings.layer_norm.{leaf}", "encoder.stages.{s}.patches.norm.{leaf}"),
        rule(f"{_NEW_BLOCK}.layernorm_before.{{leaf}}", f"{_BLOCK}.norm1.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.layernorm_after.{{leaf}}", f"{_BLOCK}.norm2.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.attention.q_proj.{{leaf}}", f"{_ATTENTION}.query.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.attention.k_proj.{{leaf}}", f"{_ATTENTION}.key_value.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.attention.v_proj.{{leaf}}", f"{_ATTENTION}.key_value.{{leaf}}", place=1),
        rule(f"{_NEW_BLOCK}.attention.o_proj.{{leaf}}", f"{_ATTENTION}.project.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.attention.sequence_reduction.sequence_reduction.{{leaf}}", f"{_ATTENTION}.reduce.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.attention.sequence_reduction.layer_norm.{{leaf}}", f"{_ATTENTION}.reduce_norm.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.mlp.fc1.{{leaf}}", f"{_BLOCK}.ffn.expand.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.mlp.dwconv.dwconv.{{leaf}}", f"{_BLOCK}.ffn.depthwise.{{leaf}}"),
        rule(f"{_NEW_BLOCK}.mlp.fc2.{{leaf}}", f"{_BLOCK}.ffn.contract.{{leaf}}"),
        rule("segformer.stages.{s}.layer_norm.{leaf}", "encoder.stages.{s}.norm.{leaf}"),
        rule("decode_head.linear_projections.{s}.proj.{leaf}", "head.projections.{s}.{leaf}"),
        *_HUGGING_FACE_HEAD,
    ),
)


def _authors_stage(stage: int) -> tuple[Rule, ...]:
    theirs = f"backbone.block{stage + 1}.{{b}}"
    ours = f"encoder.stages.{stage}.blocks.{{b}}"
    return (
        rule(f"backbone.patch_embed{stage + 1}.proj.{{leaf}}", f"encoder.stages.{stage}.patches.projection.{{leaf}}"),
        rule(f"backbone.patch_embed{stage + 1}.norm.{{leaf}}", f"encoder.stages.{stage}.patches.norm.{{leaf}}"),
        rule(f"{theirs}.norm1.{{leaf}}", f"{ours}.norm1.{{leaf}}"),
        rule(f"{theirs}.norm2.{{leaf}}", f"{ours}.norm2.{{leaf}}"),
        rule(f"{theirs}.attn.q.{{leaf}}", f"{ours}.attention.query.{{leaf}}"),
        rule(f"{theirs}.attn.kv.{{leaf}}", f"{ours}.attention.key_value.{{leaf}}"),
        rule(f"{theirs}.attn.proj.{{leaf}}", f"{ours}.attention.project.{{leaf}}"),
        rule(f"{theirs}.attn.sr.{{leaf}}", f"{ours}.attention.reduce.{{leaf}}"),
        rule(f"{theirs}.attn.norm.{{leaf}}", f"{ours}.attention.reduce_norm.{{leaf}}"),
        rule(f"{theirs}.mlp.fc1.{{leaf}}", f"{ours}.ffn.expand.{{leaf}}"),
        rule(f"{theirs}.mlp.dwconv.dwconv.{{leaf}}", f"{ours}.ffn.depthwise.{{leaf}}"),
        rule(f"{theirs}.mlp.fc2.{{leaf}}", f"{ours}.ffn.contract.{{leaf}}"),
        rule(f"backbone.norm{stage + 1}.{{leaf}}", f"encoder.stages.{stage}.norm.{{leaf}}"),
        rule(f"decode_head.linear_c{stage + 1}.proj.{{leaf}}", f"head.projections.{stage}.{{leaf}}"),
    )


AUTHORS = Origin(
    name="SegFormer of its authors",
    told_by=("backbone.patch_embed1.proj.weight", "backbone.block1.{b}.attn.kv.weight"),
    encoder_prefix="backbone.",
    forms=("own",),
    family="segformer",
    rules=(
        *(line for stage in range(4) for line in _authors_stage(stage)),
        rule("decode_head.linear_fuse.conv.weight", "head.fuse.weight", change=reversed_blocks),
        rule("decode_head.linear_fuse.bn.{leaf}", "head.norm.{leaf}"),
        rule("decode_head.linear_pred.{leaf}", "head.classifier.{leaf}"),
        left_out("decode_head.conv_seg.{leaf}", "not used there either: linear_pred classifies"),
        left_out("backbone.head.{leaf}", _WHOLE_IMAGES),
    ),
)
