"""Complete plugins to start from: copy one, change it, and name the file on the command line."""
