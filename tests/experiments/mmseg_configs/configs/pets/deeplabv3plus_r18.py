# ruff: noqa
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d8.py",
    "../_base_/datasets/pets.py",
    "../_base_/default_runtime.py",
    "../_base_/schedules/schedule_20k.py",
]
num_classes = 3
model = dict(
    pretrained="open-mmlab://resnet18_v1c",
    data_preprocessor=dict(size={{_base_.crop_size}}),
    backbone=dict(depth=18),
    decode_head=dict(in_channels=512, channels=128, c1_in_channels=64, c1_channels=12, num_classes=num_classes),
    auxiliary_head=dict(in_channels=256, channels=64, num_classes=num_classes),
)
train_dataloader = dict(dataset=dict(data_root=_base_.data_root + "_small"))
work_dir = "./work_dirs/{{ fileBasenameNoExtension }}"
