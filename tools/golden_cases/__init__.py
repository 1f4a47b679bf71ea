"""The cases of the golden digests, a module for each family of initializers.

``CASES`` of a module has tuples of an initializer, a shape and a layout. Each is drawn in all dtypes of
``write_golden.DTYPES``, the first one of a class in the 8-bit and complex ones too.
"""
