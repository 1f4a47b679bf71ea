"""The three networks in Haiku, whose layers have numbers in their names."""

import haiku as hk
import jax
import numpy as np

RENAME = {"blocks_*/**": "blocks/*/**"}
ANYTHING = hk.initializers.RandomNormal()


def norm(name):
    return hk.LayerNorm(-1, create_scale=True, create_offset=True, name=name)


def perceptron(x):
    x = jax.nn.relu(hk.Linear(16, name="fc1")(x))
    return hk.Linear(3, name="fc2")(norm("norm")(x))


def convolution(outputs, size, stride=1, **options):
    return hk.Conv2D(outputs, size, stride, padding=[(size // 2, size // 2)] * 2, **options)


class ResidualBlock(hk.Module):
    def __init__(self, outputs, stride, name):
        super().__init__(name=name)
        self.outputs, self.stride = outputs, stride

    def __call__(self, x):
        y = convolution(self.outputs, 3, self.stride, with_bias=False, name="conv1")(x)
        y = jax.nn.relu(hk.BatchNorm(True, True, 0.9, name="bn1")(y, is_training=True))
        y = convolution(self.outputs, 3, with_bias=False, name="conv2")(y)
        y = hk.BatchNorm(True, True, 0.9, name="bn2")(y, is_training=True)
        if self.stride > 1:
            x = convolution(self.outputs, 1, self.stride, with_bias=False, name="shortcut")(x)
        return jax.nn.relu(y + x)


def residual(x):
    x = convolution(8, 3, with_bias=False, name="stem")(x)
    x = ResidualBlock(8, 1, name="blocks_0")(x)
    x = ResidualBlock(16, 2, name="blocks_1")(x)
    x = hk.DepthwiseConv2D(2, 3, name="depthwise")(x)
    x = convolution(16, 1, feature_group_count=4, name="grouped")(x)
    return hk.Linear(5, name="fc")(x.mean((1, 2)))


class Block(hk.Module):
    def __call__(self, x):
        y = norm("ln1")(x)
        attention = hk.MultiHeadAttention(4, 4, model_size=16, w_init=ANYTHING, name="attention")
        x = x + attention(y, y, y)
        y = norm("ln2")(x)
        return x + hk.Linear(16, name="fc2")(jax.nn.relu(hk.Linear(32, name="fc1")(y)))


def transformer(tokens):
    x = hk.Embed(11, 16, name="embed")(tokens)
    for number in range(2):
        x = Block(name=f"blocks_{number}")(x)
    return hk.Linear(11, with_bias=False, name="head")(norm("norm")(x))


NETWORKS = {"perceptron": perceptron, "residual": residual, "transformer": transformer}


def run(ui, name, inputs, rules, seed):
    """The parameters, and the outputs."""
    model, inputs = hk.transform_with_state(NETWORKS[name]), jax.numpy.asarray(inputs)
    rename = RENAME if name != "perceptron" else None
    params, state = ui.init_tree(model, rules, seed, inputs=(inputs,), rename=rename)
    outputs, _ = model.apply(params, state, None, inputs)
    return params, np.asarray(outputs)
