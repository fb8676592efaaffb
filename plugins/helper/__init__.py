"""What several plugins share; no plugins here (upstream: plugins/helper)."""
