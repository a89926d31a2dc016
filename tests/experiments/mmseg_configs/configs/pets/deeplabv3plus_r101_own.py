# ruff: noqa
# everything that Maskwright has no counterpart for
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d8.py",
    "../_base_/datasets/pets.py",
    "../_base_/default_runtime.py",
    "../_base_/schedules/schedule_20k.py",
]
custom_imports = dict(imports=["projects.pets.losses"], allow_failed_imports=False)
model = dict(
    pretrained="torchvision://resnet101",
    data_preprocessor=dict(mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395], bgr_to_rgb=False),
    backbone=dict(type="ResNet", depth=101, frozen_stages=1),
    decode_head=dict(
        num_classes=3,
        sampler=dict(type="OHEMPixelSampler", thresh=0.7, min_kept=100000),
        loss_decode=[
            dict(type="FocalLoss", gamma=2.0, alpha=0.5, loss_weight=1.0),
            dict(type="LovaszLoss", per_image=False, reduction="none", loss_weight=0.5),
        ],
    ),
    auxiliary_head=dict(num_classes=3),
    test_cfg=dict(_delete_=True, mode="slide", crop_size=(256, 256), stride=(170, 170)),
)
albu = [dict(type="RandomBrightnessContrast", p=0.2)]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", reduce_zero_label=True),
    dict(type="RandomResize", scale=[(1024, 256), (1024, 512)], keep_ratio=True),
    dict(type="RandomCrop", crop_size=(256, 320)),
    dict(type="RandomFlip", prob=[0.3, 0.2], direction=["horizontal", "vertical"]),
    dict(type="Albu", transforms=albu),
    dict(type="RandomCutOut", prob=0.5, n_holes=2, cutout_ratio=(0.1, 0.1)),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="RepeatDataset",
        times=10,
        dataset=dict(
            type="PetsDataset",
            data_root="data/pets",
            data_prefix=dict(img_path="images/train", seg_map_path="masks/train"),
            ann_file="splits/train.txt",
            metainfo=dict(classes=["background", "cat", "dog"]),
            pipeline=train_pipeline,
        ),
    )
)
optim_wrapper = dict(
    type="AmpOptimWrapper",
    loss_scale="dynamic",
    optimizer=dict(_delete_=True, type="Lion", lr=1e-4),
    paramwise_cfg=dict(custom_keys={"norm": dict(decay_mult=0.0), "layer4": dict(lr_mult=2.0)}),
    clip_grad=dict(_delete_=True, clip_value=0.5),
)
param_scheduler = [dict(type="MultiStepLR", milestones=[10000, 15000], gamma=0.1, by_epoch=False)]
