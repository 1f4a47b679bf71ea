"""The three networks in Flax Linen, whose layers have numbers in their names."""

import jax
import numpy as np
from flax import linen as nn

RENAME = {"blocks_*/**": "blocks/*/**"}


class Perceptron(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Dense(16, name="fc1")(x))
        return nn.Dense(3, name="fc2")(nn.LayerNorm(epsilon=1e-5, name="norm")(x))


def convolution(outputs, size, stride=1, **options):
    padding = ((size // 2, size // 2),) * 2
    return nn.Conv(outputs, (size, size), strides=(stride, stride), padding=padding, **options)


class ResidualBlock(nn.Module):
    outputs: int
    stride: int

    @nn.compact
    def __call__(self, x):
        y = convolution(self.outputs, 3, self.stride, use_bias=False, name="conv1")(x)
        y = nn.relu(nn.BatchNorm(use_running_average=False, name="bn1")(y))
        y = convolution(self.outputs, 3, use_bias=False, name="conv2")(y)
        y = nn.BatchNorm(use_running_average=False, name="bn2")(y)
        if self.stride > 1:
            x = convolution(self.outputs, 1, self.stride, use_bias=False, name="shortcut")(x)
        return nn.relu(y + x)


class Residual(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = convolution(8, 3, use_bias=False, name="stem")(x)
        x = ResidualBlock(8, 1, name="blocks_0")(x)
        x = ResidualBlock(16, 2, name="blocks_1")(x)
        x = convolution(32, 3, feature_group_count=16, name="depthwise")(x)
        x = convolution(16, 1, feature_group_count=4, name="grouped")(x)
        return nn.Dense(5, name="fc")(x.mean((1, 2)))


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        y = nn.LayerNorm(epsilon=1e-5, name="ln1")(x)
        x = x + nn.MultiHeadDotProductAttention(4, name="attention")(y)
        y = nn.LayerNorm(epsilon=1e-5, name="ln2")(x)
        return x + nn.Dense(16, name="fc2")(nn.relu(nn.Dense(32, name="fc1")(y)))


class Transformer(nn.Module):
    @nn.compact
    def __call__(self, tokens):
        x = nn.Embed(11, 16, name="embed")(tokens)
        for number in range(2):
            x = Block(name=f"blocks_{number}")(x)
        x = nn.LayerNorm(epsilon=1e-5, name="norm")(x)
        return nn.Dense(11, use_bias=False, name="head")(x)


NETWORKS = {"perceptron": Perceptron, "residual": Residual, "transformer": Transformer}


def run(ui, name, inputs, rules, seed):
    """The parameters, and the outputs."""
    model, inputs = NETWORKS[name](), jax.numpy.asarray(inputs)
    variables = ui.init_tree(
        model, rules, seed, inputs=(inputs,), rename=RENAME if name != "perceptron" else None
    )
    outputs, _ = model.apply(variables, inputs, mutable=["batch_stats"])
    return variables, np.asarray(outputs)
