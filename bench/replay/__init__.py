"""Replay of GPU-sharing traces: pods arrive one after the other, nothing leaves, and a policy places them."""
