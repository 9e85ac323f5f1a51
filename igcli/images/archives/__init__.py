"""Images in zip and tar files."""
