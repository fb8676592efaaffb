"""The scheduler at the edge: plugins and configurations from files, and what happens when these files change."""
