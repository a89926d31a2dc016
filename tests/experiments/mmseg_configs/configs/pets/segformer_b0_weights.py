# ruff: noqa
"""SegFormer-B0 on cats and dogs, background counts a tenth."""

_base_ = [
    "../_base_/models/segformer_mit-b0.py",
    "../_base_/datasets/pets.py",
    "../_base_/default_runtime.py",
    "../_base_/schedules/schedule_20k.py",
]
crop_size = (256, 256)
data_preprocessor = dict(size=crop_size)
checkpoint = "https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/mit_b0_20220624-7e0fe6dd.pth"
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(init_cfg=dict(type="Pretrained", checkpoint=checkpoint)),
    decode_head=dict(
        num_classes=3,
        loss_decode=dict(type="CrossEntropyLoss", use_sigmoid=False, loss_weight=1.0, class_weight=[0.1, 1.0, 1.0]),
    ),
)
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.00006, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys={"pos_block": dict(decay_mult=0.0), "norm": dict(decay_mult=0.0), "head": dict(lr_mult=10.0)}
    ),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type="PolyLR", eta_min=0.0, power=1.0, begin=1500, end=8000, by_epoch=False),
]
train_cfg = dict(max_iters=8000, val_interval=800)
