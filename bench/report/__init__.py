"""The HTML report: figures and tables of one or more runs in one file that fetches nothing."""
