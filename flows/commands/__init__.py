"""The commands that help to decide. Each module holds a Typer app without a name, which `flows.cli` adds to its own:
its commands then stand beside the others, and no module here needs to import the one that collects them.
"""
