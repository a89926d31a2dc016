"""A predictor that remembers: the network is asked once, and says the same."""

from __future__ import annotations

import numpy as np

from maskwright.data.classes import make_classes
from maskwright.data.sample import Image
from maskwright.evaluation.evaluate import evaluate
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.inference.predictor import probs_of
from maskwright.inference.remembering import Remembering
from tiny import tiny_dataset

CLASSES = make_classes(["background", "square", "disc"])


class Network:
    """Says something else of each photo, and counts how often it is asked."""

    classes, digest = CLASSES, "network"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, image: Image) -> np.ndarray:
        return self.many([image])[0]

    def many(self, images: list[Image]) -> list[np.ndarray]:
        self.asked.append(len(images))
        bright = [image.mean(axis=2) / 255 for image in images]
        return [np.stack([each, 1 - each, 0 * each]).astype(np.float32) for each in bright]


def test_whoever_comes_later_is_told_the_same_without_the_network() -> None:
    dataset, network = tiny_dataset(train=0, val=10), Network()
    remembering = Remembering(network)
    before = evaluate(remembering, dataset)
    assert network.asked == [8, 2], "together as always, so that they round alike"
    assert (before.counts == evaluate(Network(), dataset).counts).all() and before.predictor == "network"
    post = PostProcessed(remembering, PostProcess(largest_hole_frac=0.01, temperature=1.3))
    after = evaluate(post, dataset)
    assert (after.counts == evaluate(PostProcessed(Network(), post.post), dataset).counts).all()
    assert (evaluate(remembering, dataset).counts == before.counts).all(), "nobody changed what is remembered"
    few = list(probs_of(remembering, (sample.image() for sample in dataset.samples[3:6])))
    assert len(few) == 3 and not few[0].flags.writeable
    assert network.asked == [8, 2]


def test_what_does_not_fit_into_memory_is_asked_again() -> None:
    dataset, network = tiny_dataset(train=0, val=3), Network()
    one = 3 * 4 * dataset[0].image()[..., 0].size
    remembering = Remembering(network, limit_bytes=2 * one)
    first, second = ([remembering(sample.image()) for sample in dataset] for _ in range(2))
    assert network.asked == [1, 1, 1, 1]
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


def test_photos_of_the_same_bytes_and_another_shape_are_others() -> None:
    remembering = Remembering(Network())
    image = np.zeros((4, 6, 3), np.uint8)
    assert remembering(image).shape == (3, 4, 6)
    assert remembering(image.reshape(6, 4, 3)).shape == (3, 6, 4)
