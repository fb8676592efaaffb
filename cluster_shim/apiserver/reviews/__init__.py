"""Reviews: questions that are asked by creating an object which is never stored, and answered in its status.

``table.py`` says which there are; each is a function of the request, the object and what the server has (Facilities).
"""
