"""Verification of placement policies: replays held against the published curves of the same traces and seeds."""
