# ruff: noqa
_base_ = "./segformer_b0_weights.py"
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type="CrossEntropyLoss", loss_name="loss_ce", loss_weight=1.0),
            dict(type="DiceLoss", loss_name="loss_dice", use_sigmoid=False, loss_weight=3.0),
        ]
    )
)
train_dataloader = dict(batch_size=8)
randomness = dict(seed=42, deterministic=True)
