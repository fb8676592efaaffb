"""Authorization: who may do what (RBAC)."""
