"""Orders: what is set aside, what happens to them, who fulfils them, what falls short."""
