"""What clients are told about objects that are accepted: deprecated fields, values better written otherwise."""
