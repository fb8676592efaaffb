"""Tools for those who write a scheduler plugin: a template, a check of the contract, a measurement."""
