"""The in-tree scheduler plugins under upstream's names; one file is one plugin.

They import nothing but the public contract of `sched_core`: what they can do, a plugin of a user can do.
"""
