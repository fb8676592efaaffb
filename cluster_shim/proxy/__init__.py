"""The service proxy as a program: objects come from a client, a thread for each family keeps its rules up to date."""
