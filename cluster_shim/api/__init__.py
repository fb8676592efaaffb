"""What Kubernetes objects are: types, defaults, rules, patches, encodings, columns. Pure: no I/O, no clock, no chance.

An object is what JSON makes of it (dict, list, str, int, float, bool, None), in the form that a versioned Go struct
would be written in: fields that are empty and `omitempty` are absent, unknown ones are gone.
"""
