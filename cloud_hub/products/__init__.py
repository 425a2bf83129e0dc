"""Products: written here, drafted by stores, imported from files; told to all."""
