"""Workloads, runner, comparison and report: how fast the engine is, measured through the doors that users come by."""
