"""The cases of the golden digests, a module for each family of initializers.

``CASES`` of a module has tuples of an initializer, a shape and a layout. Each is drawn in float32 and
float64, and for each class one in every other floating and complex dtype that holds its numbers.
"""
