# ruff: noqa
from mmseg.models.backbones import MixVisionTransformer
from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.models.decode_heads import SegformerHead
from mmseg.models.losses import CrossEntropyLoss
from mmseg.models.segmentors import EncoderDecoder
from torch import nn

model = dict(
    type=EncoderDecoder,
    data_preprocessor=dict(
        type=SegDataPreProcessor, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(
        type=MixVisionTransformer,
        embed_dims=32,
        num_layers=[2, 2, 2, 2],
        num_heads=[1, 2, 5, 8],
        act_cfg=dict(type=nn.GELU),
    ),
    decode_head=dict(
        type=SegformerHead,
        in_channels=[32, 64, 160, 256],
        in_index=[0, 1, 2, 3],
        channels=256,
        num_classes=19,
        norm_cfg=dict(type="BN"),
        loss_decode=dict(type=CrossEntropyLoss, loss_weight=1.0),
    ),
)
