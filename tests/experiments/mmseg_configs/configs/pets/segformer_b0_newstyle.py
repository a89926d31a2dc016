# ruff: noqa
from mmengine.config import read_base
from mmengine.optim.optimizer import OptimWrapper
from mmengine.runner.loops import IterBasedTrainLoop
from mmseg.models.losses import CrossEntropyLoss as Loss
from torch.optim import AdamW

with read_base():
    from .._base_.datasets.pets import *
    from .._base_.default_runtime import *
    from .._base_.models.segformer_mit_b0 import model
    from .._base_.schedules.schedule_20k import param_scheduler

model.update(dict(decode_head=dict(num_classes=3, loss_decode=dict(type=Loss, loss_weight=1.0))))
param_scheduler[0].update(end=6000, power=1.0)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=AdamW, lr=1e-4, weight_decay=0.01))
train_cfg = dict(type=IterBasedTrainLoop, max_iters=6000, val_interval=500)
