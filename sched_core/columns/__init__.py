"""Nodes, pods and pod classes as struct-of-arrays, strings interned at the edge."""
