"""The three networks in Flax NNX."""

import jax
import numpy as np
from flax import nnx

RNGS = nnx.Rngs(0)


class Perceptron(nnx.Module):
    def __init__(self):
        self.fc1, self.fc2 = nnx.Linear(8, 16, rngs=RNGS), nnx.Linear(16, 3, rngs=RNGS)
        self.norm = nnx.LayerNorm(16, epsilon=1e-5, rngs=RNGS)

    def __call__(self, x):
        return self.fc2(self.norm(nnx.relu(self.fc1(x))))


def convolution(inputs, outputs, size, stride=1, **options):
    padding = ((size // 2, size // 2),) * 2
    strides = (stride, stride)
    return nnx.Conv(inputs, outputs, (size, size), strides=strides, padding=padding, rngs=RNGS, **options)


class ResidualBlock(nnx.Module):
    def __init__(self, inputs, outputs, stride):
        self.conv1 = convolution(inputs, outputs, 3, stride, use_bias=False)
        self.bn1 = nnx.BatchNorm(outputs, rngs=RNGS)
        self.conv2 = convolution(outputs, outputs, 3, use_bias=False)
        self.bn2 = nnx.BatchNorm(outputs, rngs=RNGS)
        self.shortcut = convolution(inputs, outputs, 1, stride, use_bias=False) if stride > 1 else None

    def __call__(self, x):
        y = nnx.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return nnx.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Residual(nnx.Module):
    def __init__(self):
        self.stem = convolution(3, 8, 3, use_bias=False)
        self.blocks = nnx.List([ResidualBlock(8, 8, 1), ResidualBlock(8, 16, 2)])
        self.depthwise = convolution(16, 32, 3, feature_group_count=16)
        self.grouped = convolution(32, 16, 1, feature_group_count=4)
        self.fc = nnx.Linear(16, 5, rngs=RNGS)

    def __call__(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.fc(self.grouped(self.depthwise(x)).mean((1, 2)))


class Block(nnx.Module):
    def __init__(self):
        self.ln1, self.ln2 = (nnx.LayerNorm(16, epsilon=1e-5, rngs=RNGS) for _ in range(2))
        self.attention = nnx.MultiHeadAttention(4, 16, decode=False, rngs=RNGS)
        self.fc1, self.fc2 = nnx.Linear(16, 32, rngs=RNGS), nnx.Linear(32, 16, rngs=RNGS)

    def __call__(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.fc2(nnx.relu(self.fc1(self.ln2(x))))


class Transformer(nnx.Module):
    def __init__(self):
        self.embed = nnx.Embed(11, 16, rngs=RNGS)
        self.blocks = nnx.List([Block(), Block()])
        self.norm = nnx.LayerNorm(16, epsilon=1e-5, rngs=RNGS)
        self.head = nnx.Linear(16, 11, use_bias=False, rngs=RNGS)

    def __call__(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


NETWORKS = {"perceptron": Perceptron, "residual": Residual, "transformer": Transformer}


def run(ui, name, inputs, rules, seed):
    """The model, and the outputs."""
    model = ui.init_(NETWORKS[name](), rules, seed)
    return model, np.asarray(model(jax.numpy.asarray(inputs)))
