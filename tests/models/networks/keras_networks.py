"""The three networks in Keras."""

import keras
import numpy as np
from keras import layers, ops


class Perceptron(keras.Model):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = layers.Dense(16), layers.Dense(3)
        self.norm = layers.LayerNormalization(epsilon=1e-5)

    def call(self, x):
        return self.fc2(self.norm(ops.relu(self.fc1(x))))


class ResidualBlock(keras.layers.Layer):
    def __init__(self, outputs, stride):
        super().__init__()
        self.pad1, self.pad2 = layers.ZeroPadding2D(1), layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(outputs, 3, stride, use_bias=False)
        self.bn1 = layers.BatchNormalization(epsilon=1e-5)
        self.conv2 = layers.Conv2D(outputs, 3, use_bias=False)
        self.bn2 = layers.BatchNormalization(epsilon=1e-5)
        self.shortcut = layers.Conv2D(outputs, 1, stride, use_bias=False) if stride > 1 else None

    def call(self, x):
        y = ops.relu(self.bn1(self.conv1(self.pad1(x)), training=True))
        y = self.bn2(self.conv2(self.pad2(y)), training=True)
        return ops.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Residual(keras.Model):
    def __init__(self):
        super().__init__()
        self.stem = layers.Conv2D(8, 3, padding="same", use_bias=False)
        self.blocks = [ResidualBlock(8, 1), ResidualBlock(16, 2)]
        self.depthwise = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")
        self.grouped = layers.Conv2D(16, 1, groups=4)
        self.fc = layers.Dense(5)

    def call(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.fc(ops.mean(self.grouped(self.depthwise(x)), axis=(1, 2)))


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = (layers.LayerNormalization(epsilon=1e-5) for _ in range(2))
        self.attention = layers.MultiHeadAttention(4, 4)
        self.fc1, self.fc2 = layers.Dense(32), layers.Dense(16)

    def call(self, x):
        y = self.ln1(x)
        x = x + self.attention(y, y)
        return x + self.fc2(ops.relu(self.fc1(self.ln2(x))))


class Transformer(keras.Model):
    def __init__(self):
        super().__init__()
        self.embed = layers.Embedding(11, 16)
        self.blocks = [Block(), Block()]
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.head = layers.Dense(11, use_bias=False)

    def call(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


NETWORKS = {"perceptron": Perceptron, "residual": Residual, "transformer": Transformer}


def run(ui, name, inputs, rules, seed):
    """The model, and the outputs."""
    model = NETWORKS[name]()
    model(inputs)
    ui.init_(model, rules, seed)
    return model, np.asarray(ops.convert_to_numpy(model(inputs)))
