"""The store in etcd v3: its messages, a client for several endpoints, and the driver."""
