# ruff: noqa
_base_ = ["./segformer_b0_weights.py"]

size = 512
batch = 2
accumulate = 4
total_iters = 16_000
name = "segformer_b2"
work_dir = f"work_dirs/{name}_{size}x{size}_bs{batch * accumulate:02d}"
crop_size = (size, size)
checkpoint = "https://example.org/{}_{}.pth".format("mit_b2", "%d" % size)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(init_cfg=dict(type="Pretrained", checkpoint=checkpoint), embed_dims=64, num_layers=[3, 4, 6, 3]),
    decode_head=dict(in_channels=[64 * k for k in (1, 2, 5, 8)], channels=768),
)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="RandomResize", scale=(4 * size, size), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=0.75),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(
        type="PhotoMetricDistortion",
        brightness_delta=16,
        contrast_range=(0.8, 1.2),
        saturation_range=(0.7, 1.2),
        hue_delta=9,
    ),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=batch, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(type="AmpOptimWrapper", dtype="bfloat16", accumulative_counts=accumulate)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=1600),
    dict(type="PolyLR", eta_min=0.0, power=1.0, begin=1600, end=total_iters, by_epoch=False),
]
train_cfg = dict(max_iters=total_iters, val_interval=total_iters // 10)
custom_hooks = [dict(type="EMAHook", momentum=0.002)]
