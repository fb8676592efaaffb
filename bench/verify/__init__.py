"""Verification: decisions held against recorded ones of kube-scheduler, number for number and word for word."""
