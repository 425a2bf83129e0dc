-- Why: a supervisor asked for a sale, a cashier's token handed it in, and another box had answered the supervisor too: by who
-- asked they were two requests, and the sale was in the book twice. What is handed in is told by its key alone.
CREATE INDEX asked_by_key ON asked (location, path, key);
