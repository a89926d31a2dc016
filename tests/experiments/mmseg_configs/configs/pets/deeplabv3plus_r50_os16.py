# ruff: noqa
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d8.py",
    "../_base_/datasets/pets.py",
    "../_base_/default_runtime.py",
    "../_base_/schedules/schedule_20k.py",
]
_base_.model.decode_head.num_classes = 3
_base_.model["backbone"]["strides"] = (1, 2, 2, 1)
_base_.model["backbone"].update(dict(dilations=(1, 1, 1, 2), norm_eval=True))
_base_.model.decode_head.dilations = (1, 6, 12, 18)
_base_.model.decode_head.channels //= 2
_base_.train_pipeline[2]["ratio_range"] = (0.5, 1.5)
_base_.train_dataloader.dataset.pipeline = _base_.train_pipeline
del _base_.train_cfg["val_interval"]
model = dict(auxiliary_head=None)
