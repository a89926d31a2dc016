# ruff: noqa
_base_ = ["./segformer_b0_weights.py"]
max_epochs = 50
train_dataloader = dict(batch_size=4, sampler=dict(_delete_=True, type="DefaultSampler", shuffle=True))
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", reduce_zero_label=False),
    dict(type="Resize", scale=(320, 320), keep_ratio=False),
    dict(type="RandomRotate", prob=0.5, degree=15),
    dict(type="RandomCrop", crop_size=256),
    dict(type="RandomFlip", prob=0.3),
    dict(type="PackSegInputs"),
]
train_dataloader.update(dataset=dict(pipeline=train_pipeline))
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-3, by_epoch=True, begin=0, end=2, convert_to_iter_based=True),
    dict(type="PolyLR", eta_min=6e-7, power=0.9, begin=2, end=max_epochs, by_epoch=True),
]
train_cfg = dict(_delete_=True, type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=5)
custom_hooks = [dict(type="EarlyStoppingHook", monitor="mIoU", patience=6)]
