# ruff: noqa
_base_ = ["./segformer_b0_weights.py"]
import os  # left over, never used


def not_used(x):
    return open(x).read()


weights = [0.1, 1.0, 1.0]
total = sum(weights)
weights = [round(w / total, 4) for w in weights]
mult = {}
for key, value in (("head", 10.0), ("norm", None)):
    mult[key] = dict(lr_mult=value) if value is not None else dict(decay_mult=0.0)
debug = len(weights) > 5
if debug:
    train_cfg = dict(max_iters=10)
elif weights[0] < 0.05:
    train_cfg = dict(max_iters=4000, val_interval=400)
else:
    train_cfg = dict(max_iters=1)
width = 64
model = dict(
    backbone=dict(embed_dims=width),
    decode_head=dict(in_channels=[width * factor for factor in [1, 2, 5, 8]], loss_decode=dict(class_weight=weights)),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(_delete_=True, **mult)))
scales = [int(256 * x * 0.1) for x in range(5, 21, 5)]
train_pipeline = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")]
train_pipeline += [dict(type="RandomChoiceResize", scales=scales, resize_type="ResizeShortestEdge", max_size=2048)]
train_pipeline.append(dict(type="RandomCrop", crop_size=(192, 256)))
train_pipeline.extend([dict(type="RandomFlip", prob=0.5), dict(type="PackSegInputs")])
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
param_scheduler = []
