"""Drop-in namespaces: other libraries' initializers under their own names, drawn by unifinit.

Change one import and keep every call. Arguments, defaults, errors and where the seed comes from are the
library's; the values are unifinit's, so that they depend on the seed and the shape alone. Each module
imports the library for which it stands, and this package imports none.

==========================  ==============================================================================
``unifinit.compat.torch``   ``torch.nn.init``
``unifinit.compat.keras``   ``keras.initializers``
``unifinit.compat.jax``     ``jax.nn.initializers``, which ``flax`` has as ``nn.initializers``
``unifinit.compat.haiku``   ``haiku.initializers``
``unifinit.compat.tf1``     ``tf.compat.v1.initializers`` and ``tf.*_initializer`` of TensorFlow 1
==========================  ==============================================================================
"""
