"""The box under the program, and what a technician sees and does about it."""
