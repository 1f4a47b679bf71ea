"""The cases of the golden digests, a module for each family of initializers.

``CASES`` of a module has tuples of an initializer, a shape and a layout. The first one of a class is drawn in
all floating and complex dtypes that hold its numbers, the others in float32 and float64.
"""
