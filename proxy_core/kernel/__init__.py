"""The one place that talks to the kernel: netlink, programs of iptables, sysctls, namespaces.

Each module here is the real thing behind a protocol that a backend declares; beside it stands a fake in memory.
"""
