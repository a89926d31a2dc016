# ruff: noqa
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d8.py",
    "../_base_/datasets/pets.py",
    "../_base_/default_runtime.py",
    "../_base_/schedules/schedule_20k.py",
]
norm_cfg = dict(type="BN", requires_grad=True)
model = dict(
    pretrained="mmcls://mobilenet_v2",
    backbone=dict(
        _delete_=True,
        type="MobileNetV2",
        widen_factor=1.0,
        strides=(1, 2, 2, 1, 1, 1, 1),
        dilations=(1, 1, 1, 2, 2, 4, 4),
        out_indices=(1, 2, 4, 6),
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(in_channels=320, c1_in_channels=24, num_classes=3, norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels=96, num_classes=3, norm_cfg=norm_cfg),
)
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=5e-4, weight_decay=0.05),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1)), norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=1.0, norm_type=2),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=500),
    dict(type="CosineAnnealingLR", eta_min=5e-6, by_epoch=False, begin=500, end=20000, T_max=19500),
]
